"""What is masked, and what is left alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.words.redaction import MASK, SHORTEST, Redactor

KNOWN = "3f2b8c1e-77aa-4d0e-9d1b-5a0c9e4f1b22"

MASKED = [
    # registered, whatever it looks like
    (f"key {KNOWN}.", f"key {MASK}."),
    (f"{KNOWN}{KNOWN}", MASK * 2),
    ("a value (with) [signs] $1", f"a {MASK} [signs] $1"),
    # under a key
    ("password=hunter2", f"password={MASK}"),
    ("PASSWORD: hunter2", f"PASSWORD: {MASK}"),
    ('{"api_key": "abcd1234"}', f'{{"api_key": "{MASK}"}}'),
    ("db_password='abcd1234'", f"db_password='{MASK}'"),
    ("?access_token=abcd1234&x=1", f"?access_token={MASK}&x=1"),
    ("Authorization: Bearer abcdefgh", f"Authorization: Bearer {MASK}"),
    ("Authorization: Basic YW5hOmFuYQ==", f"Authorization: Basic {MASK}"),
    ("client_secret=abcd1234", f"client_secret={MASK}"),
    # by shape
    ("xoxb-1234567890-abcdef", MASK),
    ("xapp-1-A0123-4567-abcdef", MASK),
    ("sk-proj-abcdefghijklmnop", MASK),
    ("rk_live_abcdefgh12", MASK),
    ("whsec_abcdefgh12", MASK),
    ("sbp_0123456789abcdef", MASK),
    ("ghp_0123456789abcdef01", MASK),
    ("github_pat_0123456789abcdef", MASK),
    ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", MASK),
    ("postgres://ana:s3cret@db.example.com/shop", f"postgres://{MASK}@db.example.com/shop"),
    ("bearer abcdefgh", f"bearer {MASK}"),
    ("-----BEGIN PRIVATE KEY-----\nMIIabc\nDEF\n-----END PRIVATE KEY-----", MASK),
]


@pytest.mark.parametrize(("text", "masked"), MASKED, ids=[text[:40] for text, _ in MASKED])
def test_masked(text: str, masked: str) -> None:
    """NemoClaw#4770: a UUID token slipped past prefix rules. botkube#183: output leaked."""
    redactor = Redactor([KNOWN, "value (with)"])
    assert redactor.text(text) == masked
    assert redactor.text(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "203.0.113.7", "2001:db8::7", "execution 4711 failed at node 'HubSpot'", "R42", "for=2h reason=office moved",
        "the token bucket is empty", "secret santa", "a basic plan", "Basic auth is off", "bearer of news",
        "password reset mails", "Authorization failed - please check your credentials", "tokens per second: 12",
        "a1b2c3d4-0000-4000-8000-123456789abc", "https://shop.example.com/orders?id=4711", "sha256:9f86d081884c7d65",
        "skip-this-and-that-please", "eyJ", "mailto:ana@example.com", "2026-03-04T12:00:00Z", "the key is in the vault",
        "",
    ],
)  # fmt: skip
def test_left_alone(text: str) -> None:
    assert Redactor([KNOWN]).text(text) == text


def test_json_is_masked_by_key_and_by_value() -> None:
    """hermes-agent#78032, infrabroker#150: the approval prompt itself showed the secret."""
    given: dict[str, Any] = {
        "name": "Spring sale", "n": 3, "on": True, "none": None, "password": "x", "apiKey": "abc", "empty_secret": "",
        "nested": {"Authorization": "Bearer abc", "list": [f"has {KNOWN}", 7, {"token": "abc"}]},
        "tokens": ["abc", {"value": "def"}], "token_count": 5, "cookies": {"a": "b"}, KNOWN: "as a key",
    }  # fmt: skip
    assert Redactor([KNOWN]).json(given) == {
        "name": "Spring sale", "n": 3, "on": True, "none": None, "password": MASK, "apiKey": MASK, "empty_secret": "",
        "nested": {"Authorization": MASK, "list": [f"has {MASK}", 7, {"token": MASK}]},
        "tokens": [MASK, {"value": MASK}], "token_count": 5, "cookies": {"a": MASK}, MASK: "as a key",
    }  # fmt: skip
    assert given["password"] == "x"


def test_a_value_too_short_to_be_told_from_a_word_is_not_looked_for() -> None:
    redactor = Redactor(["on", "x" * (SHORTEST - 1), ""])
    assert redactor.text("on and xxxxx on") == "on and xxxxx on"


def test_a_value_within_another_hides_no_part_of_it() -> None:
    redactor = Redactor(["abcdef", "abcdefghi"])
    assert redactor.text("abcdefghi abcdef") == f"{MASK} {MASK}"


def test_a_value_registered_later_is_masked_from_then_on() -> None:
    redactor = Redactor()
    assert redactor.register("correct horse") == "correct horse"
    assert redactor.text("a correct horse") == f"a {MASK}"


values = st.text(st.characters(exclude_categories=["Cs"]), min_size=SHORTEST, max_size=40)
leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


@given(values, st.text(), st.text())
def test_a_registered_value_never_leaves(secret: str, before: str, after: str) -> None:
    redactor = Redactor([secret])
    assert secret not in redactor.text(f"{before}{secret}{after}") or secret in MASK
    shown = redactor.json({"a": [f"{before}{secret}", {"b": secret}], secret: 1})
    assert secret not in str(list(shown)) or secret in MASK
    assert all(secret not in leaf or secret in MASK for leaf in (shown["a"][0], shown["a"][1]["b"]))


@given(st.text())
def test_masking_twice_is_masking_once(text: str) -> None:
    redactor = Redactor([KNOWN])
    assert redactor.text(redactor.text(text)) == redactor.text(text)


@given(trees)
def test_json_keeps_its_shape(tree: Any) -> None:
    masked = Redactor().json(tree)
    json.dumps(masked)
    assert type(masked) is type(tree)
    assert masked == Redactor().json(masked)
