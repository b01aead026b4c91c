"""A real Bolt app talks with people in the local Slack: commands, clicks, forms, both ways in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.person import NotSeen, Refused
from sandbox.server import Sandbox
from tests.sandbox.app import bolt_app, over_http, over_socket_mode


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "block_id": "words", "text": {"type": "mrkdwn", "text": text}}


def _button(label: str, action_id: str, value: str = "7") -> dict[str, Any]:
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "action_id": action_id, "value": value, "text": text}


def _form(**changes: Any) -> dict[str, Any]:
    reason = {
        "type": "input",
        "block_id": "reason",
        "label": {"type": "plain_text", "text": "Reason"},
        "element": {"type": "plain_text_input", "action_id": "text"},
    }
    execution = {
        "type": "input",
        "block_id": "execution",
        "optional": True,
        "label": {"type": "plain_text", "text": "Execution"},
        "element": {"type": "external_select", "action_id": "pick", "min_query_length": 1},
    }
    return {
        "type": "modal",
        "callback_id": "form",
        "title": {"type": "plain_text", "text": "Retry"},
        "submit": {"type": "plain_text", "text": "Go"},
        "notify_on_close": True,
        "blocks": [reason, execution],
        **changes,
    }


def _demo_app(slack: Sandbox) -> Any:
    app = bolt_app(slack)

    @app.command("/ops")
    async def ops(ack: Any, body: Any, client: Any, respond: Any) -> None:
        match body["text"]:
            case "plan":
                await ack()
                await client.chat_postMessage(
                    channel=body["channel_id"],
                    text="Plan",
                    blocks=[
                        _section("Delete 3 rows"),
                        {"type": "actions", "block_id": "votes", "elements": [_button("Approve", "approve")]},
                    ],
                )
            case "form":
                await ack()
                await client.views_open(trigger_id=body["trigger_id"], view=_form())
            case "loud":
                await ack(text="for everyone", response_type="in_channel")
            case "later":
                await ack()
                await respond("said later")
            case text:
                await ack(f"you said {text}")

    @app.action("approve")
    async def approve(ack: Any, body: Any, client: Any, respond: Any) -> None:
        await ack()
        await client.chat_update(
            channel=body["channel"]["id"],
            ts=body["message"]["ts"],
            text="Plan",
            blocks=[_section(f"Approved by <@{body['user']['id']}> with {body['actions'][0]['value']}")],
        )
        await respond("thank you", replace_original=False)

    @app.options("pick")
    async def pick(ack: Any, payload: Any) -> None:
        options = [
            {"text": {"type": "plain_text", "text": f"Run {payload['value']}{n}"}, "value": f"{payload['value']}{n}"}
            for n in range(2)
        ]
        await ack(options=options)

    @app.view("form")
    async def form(ack: Any, body: Any, view: Any, client: Any) -> None:
        values = view["state"]["values"]
        reason = values["reason"]["text"]["value"]
        if reason == "no":
            await ack(response_action="errors", errors={"reason": "Say more than that"})
            return
        await ack()
        picked = values["execution"]["pick"]["selected_option"]
        await client.chat_postMessage(
            channel="#ops", text=f"retry {picked['value'] if picked else 'nothing'} because {reason}"
        )

    @app.view_closed("form")
    async def closed(ack: Any, client: Any) -> None:
        await ack()
        await client.chat_postMessage(channel="#ops", text="form closed")

    @app.event("app_mention")
    async def mentioned(event: Any, say: Any) -> None:
        await say(f"heard {event['text']}", thread_ts=event["ts"])

    @app.event("message")
    async def written(event: Any, say: Any) -> None:
        await say(f"you wrote {event['text']}")

    @app.event("app_home_opened")
    async def home(event: Any, client: Any) -> None:
        await client.views_publish(
            user_id=event["user"], view={"type": "home", "blocks": [_section("Nothing waits for you")]}
        )

    @app.shortcut("run_here")
    async def run_here(ack: Any, body: Any, respond: Any) -> None:
        await ack()
        await respond(f"about: {body['message']['text']}")

    @app.shortcut("run_command")
    async def run_command(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=_form())

    return app


@pytest.fixture(params=["socket", "http"])
async def slack(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """The local Slack with the demo app connected, both ways."""
    way = over_socket_mode if request.param == "socket" else over_http
    async with Sandbox() as slack, way(slack, _demo_app(slack)):
        yield slack


async def test_an_ack_with_text_is_seen_by_the_asker_alone(slack: Sandbox) -> None:
    ana, ben = slack.person("ana"), slack.person("ben")
    said = await ana.says("/ops health", channel="#ops")
    assert said.acked
    assert (await ana.sees("you said health", channel="#ops")).ephemeral
    await ben.does_not_see("you said health", within=0.1)


async def test_an_ack_can_be_for_everyone(slack: Sandbox) -> None:
    await slack.person("ana").says("/ops loud")
    assert not (await slack.person("ben").sees("for everyone")).ephemeral


async def test_a_response_url_answers_after_the_ack(slack: Sandbox) -> None:
    ana = slack.person("ana")
    await ana.says("/ops later")
    assert (await ana.sees("said later")).ephemeral


async def test_a_click_carries_its_value_and_changes_the_card_for_everyone(slack: Sandbox) -> None:
    ana, ben = slack.person("ana"), slack.person("ben")
    await ana.says("/ops plan")
    card = await ben.sees("Delete 3 rows")
    assert card.buttons == ["Approve"]
    clicked = await ben.clicks("Approve", on=card)
    assert clicked.acked
    changed = await ana.sees("Approved by <@U0BEN0001> with 7", after=card)
    assert changed.ts == card.ts
    assert (await ben.sees("thank you")).ephemeral


async def test_a_form_is_opened_refused_corrected_and_sent(slack: Sandbox) -> None:
    ana = slack.person("ana")
    await ana.says("/ops form")
    assert (await ana.view()).labels == ["Reason", "Execution"]
    with pytest.raises(Refused, match="required field"):
        await ana.submits()
    await ana.fills({"Reason": "no"})
    await ana.submits()
    assert (await ana.view()).errors == {"Reason": "Say more than that"}
    assert await ana.options("Execution", typed="47") == ["Run 470", "Run 471"]
    await ana.fills({"Reason": "the vendor is back", "Execution": "Run 471"})
    await ana.submits()
    await ana.no_view()
    await slack.person("ben").sees("retry 471 because the vendor is back")


async def test_closing_a_form_is_told_to_the_app(slack: Sandbox) -> None:
    ana = slack.person("ana")
    await ana.shortcut("run_command")
    await ana.view("Retry")
    await ana.closes()
    await ana.sees("form closed", channel="#ops")


async def test_a_mention_is_answered_in_its_thread(slack: Sandbox) -> None:
    ana = slack.person("ana")
    said = await ana.says("@handrail help me", channel="#incidents")
    answer = await ana.sees("heard <@U0HANDRAIL> help me", thread=said.ts)
    assert answer.thread_ts == said.ts


async def test_direct_messages(slack: Sandbox) -> None:
    ana = slack.person("ana")
    await ana.says("hello there", channel="@handrail")
    assert (await ana.sees("you wrote hello there", channel="@handrail")).channel == "D0ANA0001"


async def test_home_and_the_message_shortcut(slack: Sandbox) -> None:
    ana = slack.person("ana")
    await ana.home("Nothing waits for you")
    await ana.says("disk is full", channel="#ops")
    message = await ana.sees("disk is full")
    await ana.shortcut("run_here", on=message)
    await ana.sees("about: disk is full")


async def test_a_command_in_a_thread_is_refused_as_slack_refuses_it(slack: Sandbox) -> None:
    ana = slack.person("ana")
    await ana.says("disk is full")
    message = await ana.sees("disk is full")
    with pytest.raises(Refused, match="/ops is not supported in threads"):
        await ana.says("/ops health", thread=message)


async def test_what_is_not_seen_is_reported_with_what_is(slack: Sandbox) -> None:
    ana = slack.person("ana")
    await ana.says("/ops health")
    await ana.sees("you said health")
    with pytest.raises(NotSeen, match="you said health"):
        await ana.sees("you said something else", timeout=0.2)
