"""What is owed to Slack: from the commit on, most urgent first, and nobody else's while it is leased."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from bot.store.ledger.outbox import PgOutbox
from bot.words.ports import Notice, NoticeKind, Place, Posting
from bot.words.report import Report
from bot.words.request import Request, State
from tests.bot.store.kept import ADA, BOB, Ledger, entry, judge, needs, vote

TAKEN_FOR = timedelta(seconds=30)


class Desk(Ledger):
    """A ledger with its outbox, and somebody who delivers."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.outbox = PgOutbox(pool, self.clock)
        self.posted = 0

    async def carded(self, *channels: str, **columns: Any) -> Request:
        request = await self.asked()
        places = tuple(Place(channel=channel) for channel in channels or ("C1",))
        moved = await self.move(request.id, State.WAITING, needs=needs(), digest="d1", plan={}, cards=places, **columns)
        assert moved is not None
        return moved

    async def take(self, limit: int = 100) -> tuple[Posting, ...]:
        return await self.outbox.take(limit, TAKEN_FOR)

    async def deliver(self) -> list[str]:
        """Deliver all that is owed, as one word each."""
        postings = await self.take()
        for posting in postings:
            await self.stand(posting)
        return [posting.text or f"card {posting.request}" for posting in postings]

    async def stand(self, posting: Posting) -> str:
        self.posted += 1
        ts = posting.ts or f"{self.posted}.0"
        request = await self.requests.get(posting.request) if posting.request and posting.is_card else None
        await self.outbox.delivered(
            posting, channel=posting.channel or "D1", ts=ts, version=request.version if request else 0
        )
        return ts


@pytest.fixture
def desk(pool: asyncpg.Pool) -> Desk:
    return Desk(pool)


def notice(text: str, kind: NoticeKind = NoticeKind.NEWS) -> Notice:
    return Notice(kind=kind, text=text, key=text, to=(BOB,))


async def test_a_card_is_owed_until_it_was_drawn_and_again_after_each_change(desk: Desk) -> None:
    """clawpatrol#595, infrabroker#356: decided elsewhere, Slack still showed buttons."""
    request = await desk.carded("C1", "C2")
    first, second = await desk.take()
    assert [(card.channel, card.is_card, card.ts, card.kind) for card in (first, second)] == [
        ("C1", True, None, NoticeKind.MENTION),
        ("C2", True, None, NoticeKind.MENTION),
    ]
    for card in (first, second):
        await desk.outbox.delivered(card, channel=card.channel or "", ts=f"{card.id}.1", version=request.version)
    assert await desk.take() == ()
    await desk.requests.vote(request.id, vote(BOB, desk.clock, approve=False), judge, entry("rejected", BOB))
    redrawn = await desk.take()
    assert [(card.id, card.ts) for card in redrawn] == [(first.id, f"{first.id}.1"), (second.id, f"{second.id}.1")]


async def test_a_change_while_a_card_is_drawn_is_owed_still(desk: Desk) -> None:
    request = await desk.carded()
    [card] = await desk.take()
    await desk.requests.note(request.id, entry("reminded"), reminded=True)
    await desk.outbox.delivered(card, channel="C1", ts="1.1", version=request.version)
    assert await desk.take() == ()
    desk.clock.forward(seconds=1.5)
    assert [owed.ts for owed in await desk.take()] == ["1.1"]


async def test_edits_are_put_together_unless_people_must_see_them(desk: Desk) -> None:
    request = await desk.carded()
    await desk.deliver()
    await desk.requests.vote(request.id, vote(BOB, desk.clock), judge, entry("approved", BOB))
    desk.clock.forward(seconds=1)
    claimed = await desk.claim(request.id)
    assert claimed is not None
    assert await desk.deliver() == []
    done = frozenset({State.RUNNING})
    await desk.requests.move(request.id, done, State.UNKNOWN, entry("unknown"), fence=claimed.fence)
    [card] = await desk.take()
    assert card.kind is NoticeKind.MENTION
    await desk.stand(card)
    await desk.requests.note(request.id, entry("noted"), note="n")
    assert await desk.deliver() == []
    desk.clock.forward(seconds=1.5)
    assert await desk.deliver() == [f"card {request.id}"]


async def test_the_most_urgent_comes_first_and_then_the_oldest(desk: Desk) -> None:
    """Approvals before alerts: news waits while somebody must act."""
    await desk.outbox.post("C9", key="a", text="old news")
    desk.clock.forward(seconds=1)
    request = await desk.carded(notices=(notice("result", NoticeKind.RESULT), notice("call", NoticeKind.MENTION)))
    await desk.outbox.post("C9", key="b", text="new news")
    [card] = await desk.take(1)
    assert card.request == request.id
    await desk.stand(card)
    assert await desk.deliver() == ["call", "result", "old news", "new news"]


async def test_words_about_a_request_follow_its_card_into_its_thread(desk: Desk) -> None:
    """teleport#32620: one thread, and the requester hears in it."""
    request = await desk.carded("C1", "C2", notices=(notice("call"),))
    owed = await desk.take()
    assert [posting.is_card for posting in owed] == [True, True]
    ts = await desk.stand(owed[0])
    [words] = await desk.take()
    assert (words.channel, words.thread, words.request, words.to) == ("C1", ts, request.id, (BOB,))


async def test_words_about_a_request_without_a_card_have_no_place(desk: Desk) -> None:
    request = await desk.asked()
    await desk.outbox.tell(request.id, notice("done"))
    [words] = await desk.take()
    assert (words.channel, words.thread, words.request) == (None, None, request.id)


async def test_a_card_in_a_thread_keeps_its_words_there(desk: Desk) -> None:
    request = await desk.asked()
    await desk.move(request.id, State.WAITING, needs=needs(), cards=(Place(channel="C1", thread="7.7"),))
    await desk.outbox.tell(request.id, notice("n"))
    [card] = await desk.take()
    assert card.thread == "7.7"
    await desk.stand(card)
    [words] = await desk.take()
    assert words.thread == "7.7"


async def test_nothing_is_told_or_posted_twice(desk: Desk) -> None:
    request = await desk.carded()
    for _ in range(2):
        await desk.outbox.tell(request.id, notice("n"))
        await desk.outbox.post("C1", key="k", report=Report(title="t"))
        await desk.requests.note(request.id, entry("noted"), cards=(Place(channel="C1"),), notices=(notice("n"),))
    assert await desk.outbox.backlog() == 3
    assert await desk.outbox.backlog("C1") == 2
    await desk.deliver()
    await desk.deliver()
    assert await desk.outbox.backlog() == 0
    [stored] = await desk.pool.fetch("SELECT report FROM postings WHERE key = 'k'")
    assert Report.model_validate_json(stored["report"]) == Report(title="t")


async def test_what_is_taken_is_nobody_elses_until_the_lease_is_over(crowd: Ledger) -> None:
    desk = Desk(crowd.pool)
    for number in range(40):
        await desk.outbox.post("C1", key=str(number), text=str(number))
    taken = await asyncio.gather(*(desk.take(5) for _ in range(20)))
    texts = [posting.text for postings in taken for posting in postings]
    assert sorted(texts, key=int) == [str(number) for number in range(40)]
    assert await desk.take() == ()
    desk.clock.forward(seconds=TAKEN_FOR.total_seconds())
    again = await desk.take()
    assert (len(again), again[0].attempts) == (40, 1)


async def test_what_slack_will_not_take_now_is_tried_later(desk: Desk) -> None:
    """oncall#5204: a limit is obeyed from the outbox."""
    await desk.outbox.post("C1", key="k", text="t")
    [posting] = await desk.take()
    await desk.outbox.postpone(posting, timedelta(seconds=60), "ratelimited")
    assert await desk.outbox.backlog() == 1
    desk.clock.forward(seconds=59)
    assert await desk.take() == ()
    desk.clock.forward(seconds=1)
    [again] = await desk.take()
    assert again.attempts == 1


async def test_a_card_that_cannot_be_changed_is_posted_afresh_and_then_given_up(desk: Desk) -> None:
    """oncall#4329: endless retries of `cant_update_message`."""
    request = await desk.carded(notices=(notice("call"),))
    await desk.deliver()
    await desk.requests.note(request.id, entry("noted"), note="n")
    desk.clock.forward(seconds=2)
    [card] = await desk.take(1)
    assert (card.is_card, card.ts) == (True, "1.0")
    await desk.outbox.give_up(card, "cant_update_message")
    [fresh] = await desk.take()
    assert (fresh.is_card, fresh.ts, fresh.channel) == (True, None, "C1")
    await desk.outbox.give_up(fresh, "is_archived")
    assert await desk.outbox.backlog() == 1
    [words] = await desk.take()
    assert (words.text, words.channel) == ("call", None)
    await desk.outbox.give_up(words, "is_archived")
    await desk.requests.note(request.id, entry("noted"), note="again")
    assert await desk.outbox.backlog() == 0


async def test_a_copy_that_somebody_found_is_redrawn_from_now_on(desk: Desk) -> None:
    """pilot#4411: after a deploy every posted button was dead. A copy posted by whoever lives on."""
    request = await desk.carded()
    await desk.deliver()
    await desk.outbox.found(request.id, "C7", "9.9")
    await desk.outbox.found(request.id, "C7", "9.9")
    [copy] = await desk.take()
    assert (copy.channel, copy.ts) == ("C7", "9.9")
    await desk.stand(copy)
    await desk.move(request.id, State.WITHDRAWN)
    assert len(await desk.take()) == 2


async def test_a_click_before_the_delivery_was_noted_finds_the_same_card(desk: Desk) -> None:
    request = await desk.carded()
    [card] = await desk.take()
    await desk.outbox.found(request.id, "C1", "1.1")
    await desk.outbox.delivered(card, channel="C1", ts="1.1", version=request.version)
    assert await desk.pool.fetchval("SELECT count(*) FROM postings") == 1
    assert await desk.outbox.backlog() == 0


async def test_a_card_posted_twice_as_its_lease_ran_out_is_redrawn_in_both_places(desk: Desk) -> None:
    request = await desk.carded()
    [card] = await desk.take()
    desk.clock.forward(seconds=TAKEN_FOR.total_seconds())
    [same] = await desk.take()
    assert same.id == card.id
    await desk.outbox.delivered(card, channel="C1", ts="1.1", version=request.version)
    await desk.outbox.delivered(same, channel="C1", ts="2.2", version=request.version)
    await desk.move(request.id, State.WITHDRAWN)
    assert sorted(posting.ts or "" for posting in await desk.take()) == ["1.1", "2.2"]


async def test_what_was_posted_under_a_key_is_found_by_it(desk: Desk) -> None:
    await desk.outbox.post("C1", key="follow:1", text="t")
    assert await desk.outbox.ts_of("follow:1") is None
    await desk.deliver()
    assert await desk.outbox.ts_of("follow:1") == "1.0"
    assert await desk.outbox.ts_of("follow:2") is None


async def test_what_cannot_be_committed_is_not_owed(desk: Desk) -> None:
    """A refused move owes nothing: rows of the outbox are written in its transaction."""
    request = await desk.carded()
    withdrawn = await desk.move(request.id, State.WITHDRAWN)
    assert withdrawn is not None
    late = await desk.requests.move(
        request.id, frozenset({State.WAITING}), State.EXPIRED, entry("expired", ADA), notices=(notice("expired"),)
    )
    assert late is None
    assert await desk.outbox.backlog() == 1
