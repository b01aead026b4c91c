"""What makes two errors the same."""

import re
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands._shared.error_groups import grouped, shape
from integrations.capabilities import ErrorEvent
from tests.commands.world import NOON

SAME = [
    ("order 17 not found", "order 4711 not found"),
    ("took 1.5 s of 30 s", "took 12,750 s of 30 s"),
    ("no user 6f1c1c1e-0d6b-4d4e-9c0a-0123456789ab", "no user 00000000-0000-4000-8000-00000000000A"),
    ("charge ch_3OaXYZ9abcdef failed", "charge ch_1BbUVW8fedcba failed"),
    ("commit deadbee1 is gone", "commit 0123456789abcdef0123 is gone"),
    ('column "email" missing', 'column "phone number" missing'),
    ("can't find 'a b'", "can't find 'c'"),
    ("bounced: ann@example.com", "bounced: bob.b+x@mail.example.org"),
    ("ECONNREFUSED 10.0.0.5:443", "ECONNREFUSED 192.0.2.77:8080"),
    ("late since 2026-03-04T12:00:00Z", "late since 2026-03-05 01:02:03.456+01:00"),
    ("two\n  lines", "two lines"),
]
DIFFERENT = [
    ("HTTP 404", "HTTP 500"),
    ("status code 429 from api", "status code 503 from api"),
    ("s3 refused", "ec2 refused"),
    ("can't connect, won't retry", "can't sleep, won't retry"),
    ("timed out", "refused"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same_but_for_what_varies(one: str, other: str) -> None:
    assert shape(one) == shape(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_stays_different(one: str, other: str) -> None:
    assert shape(one) != shape(other)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.uuids(), st.uuids(), st.text("ab c.,1-", max_size=20))
def test_numbers_ids_and_quotes_never_split_a_group(n: int, m: int, u: UUID, v: UUID, quoted: str) -> None:
    assert shape(f'job {n} of {u} said "{quoted}" twice') == shape(f'job {m} of {v} said "" twice')


@given(st.text(max_size=2000))
def test_any_text_has_a_short_shape_without_digits_but_statuses(message: str) -> None:
    found = shape(message)
    without = re.sub(r"(?i)(?:HTTP(?:/\d(?:\.\d)?)?|status(?: code)?|code)[ :=]*[1-5]\d\d", "", found)
    assert not re.search(r"\d", without)


def test_groups_are_counted_and_the_biggest_comes_first() -> None:
    def event(number: int, message: str, origin: str = "stripe") -> tuple[str, ErrorEvent]:
        return "logs", ErrorEvent(str(number), NOON - timedelta(minutes=number), origin, "charge", message)

    groups = grouped(
        [event(1, "refused"), event(2, "order 2 lost"), event(5, "order 5 lost"), event(3, "refused", "crm")]
    )

    assert [(group.count, group.origin, group.newest.key) for group in groups] == [
        (2, "stripe", "2"),
        (1, "stripe", "1"),
        (1, "crm", "3"),
    ]
    assert (groups[0].first, groups[0].last) == (NOON - timedelta(minutes=5), NOON - timedelta(minutes=2))
