"""Keys, passwords and logins are hidden wherever they stand; what is none of them is shown."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.http.compose import build_lane
from mock_server.http.redaction import (
    HIDDEN,
    covered,
    is_incomplete,
    is_secret,
    is_secret_asked,
    is_secret_sent,
    without_keys,
    without_secrets,
)
from mock_server.pipeline.exchange import Plan
from mock_server.spec import default_document_path, load_document

X = "SEKRIT9"
PLAN = build_lane(load_document(default_document_path()), {}).plan


@pytest.fixture
def plan() -> Plan:
    return PLAN


SECRETS = (
    "password", "Password", "passwordConfirm", "password_confirmation", "db.password", "pwd", "tokens",
    "aws_secret_access_key", "stripe_secret_key", "my_api_key", "user_api_token", "x-api-key", "apiKey",
    "accesstoken", "clientSecret", "encryption_key", "jwt", "bearer", "sessionId", "user[password]",
    "signing_key", "signed_key", "Authorization", "credentials",
)  # fmt: skip
HARMLESS = (
    "status", "text", "keyboard", "sort_key", "key", "next_page_token", "author", "signed_at", "id",
    "monkey", "tokenless", "local_phone", "authored_by", "design",
)  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_told_by_its_name(name: str) -> None:
    assert is_secret(name)
    assert is_secret_asked(name)
    assert is_secret_sent(f"HTTP_X_{name.upper().replace('-', '_')}") or name != name.lower()


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_secret_is_shown(name: str, plan: Plan) -> None:
    assert not is_secret(name)
    assert covered({name: X}, plan) == {name: X}


@pytest.mark.parametrize(
    "query",
    [
        "key=X", "api%5Fkey=X", "a=1&api_key[]=X", "a.token=X&b=2", "X-Amz-Signature=X", "sig=X",
        "X-Amz-Credential=X", "return_to=" + quote("https://u:X@h/a", safe=""), "auth=X;c=1",
        "filter=" + quote('{"token":"X"}', safe=""), "url=" + quote("https://h/?key=X", safe=""),
    ],
)  # fmt: skip
def test_no_key_stays_in_a_query(query: str, plan: Plan) -> None:
    shown = without_keys(
        query.replace("X", X, 1) if "X-Amz" not in query else f"{query[:-1]}{X}", plan
    )
    assert X not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "address",
    [
        "https://u:X@h/a?b=1", "https://X@h/", "http://u:ab@X@127.0.0.1:9/h", "http://u:ab/X@127.0.0.1/h",
        "https://h/a#access_token=X", "https://h/a?b=1&api%5Fkey=X", "u:X@127.0.0.1/h", "//u:X@h/a",
        " https://u:X@h/a", "/p?api_key=X", "https://h/?to=" + quote("https://u:X@k/", safe=""),
    ],
)  # fmt: skip
def test_no_key_stays_in_an_address(address: str, plan: Plan) -> None:
    given = {"url": address.replace("X", X)}
    shown = covered(given, plan)
    assert X not in json.dumps(shown)
    assert is_incomplete(shown, plan)
    assert not is_incomplete(given, plan)


@pytest.mark.parametrize(
    "address",
    [
        "https://h.example/@somebody/a",
        "http://h:8080/@a?b=c",
        "https://h/?page=2&sort_key=x",
        "a@b.example",
    ],
)
def test_an_address_without_keys_is_shown(address: str, plan: Plan) -> None:
    assert covered({"url": address}, plan) == {"url": address}


@pytest.mark.parametrize(
    "body",
    [
        '{"token": "X"', '{"password":"X",}', '{"api_key": "X', '"{\\"token\\": \\"X\\"}"', '{"token"\n:"X"',
        '{"password": "ab,X", ', '{"password": "ab\\"X"', '{"password": "ab}X"', '{"token": ["a","X"]',
        '{"token": {"v":"X"}', "{'token': 'X'}", "{token: X}", '{"x-api-key": "X"', "password=X&a=b",
        '{"password":"a,X","x":NaN}', "<login><password>X</password></login>", "password: X\na: b",
        '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nX\r\n--b--', "user[password]=X",
        "pass%77ord=X", "password=a X", 'password=a"X', "url=https://u:X@h/",
    ],
)  # fmt: skip
def test_no_secret_stays_in_a_body_that_is_no_json(body: str, plan: Plan) -> None:
    shown = without_secrets(body.replace("X", X).encode(), plan).decode()
    assert X not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "body", ["", "{", "hello, world", "a=1&b=2", '{"text": "Hi",}', "<a>b</a>"]
)
def test_a_body_without_secrets_is_shown_to_the_byte(body: str, plan: Plan) -> None:
    assert without_secrets(body.encode(), plan) == body.encode()


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc ", max_size=5),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(HARMLESS), children)
    ),
    max_leaves=8,
)


@given(
    PLAIN,
    st.sampled_from(SECRETS),
    st.recursive(
        st.just(X),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=2) | st.fixed_dictionaries({"value": inner})
        ),
        max_leaves=4,
    ),
)
def test_whatever_stands_under_a_secret_name_is_hidden_and_nothing_else(
    around: Any, name: str, secret: Any
) -> None:
    assert covered({"around": around, "list": [{name: secret}]}, PLAN) == {
        "around": around,
        "list": [{name: HIDDEN}],
    }


@pytest.mark.parametrize("value", [None, True, "", [], {}])
def test_that_there_is_none_is_said(value: Any, plan: Plan) -> None:
    assert covered({"token": value}, plan) == {"token": value}


def test_what_people_write_is_shown(plan: Plan) -> None:
    text = "Your link: https://app.example/in?token=abc, and wait…"
    assert covered({"text": text}, plan) == {"text": text}
    assert not is_incomplete({"text": text}, plan)
