"""Whatever is asked of the stub: it never fails, and what it refuses changes nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.http.app import create_app

SMS = "/api/v1/activity/sms/"
app = create_app(time_source=lambda: 1_900_000_000_000_000)

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
)
LEAD = "lead_0NowhereBakery00000000000000000000000000000"
WORDS = "draft inbox scheduled outbox sent +16505550100 +16505550103 inbound External nothing"
FIELDS = """
status text local_phone remote_phone direction source send_in lead_id date_scheduled template_id
attachments activity_at contact_id unknown
"""
words = st.sampled_from([*WORDS.split(), "2030-01-01T00:00:00Z", LEAD])
values = (
    scalars
    | words
    | st.lists(scalars, max_size=2)
    | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
)
fields = st.sampled_from(FIELDS.split())
bodies = st.dictionaries(fields, values, max_size=5) | values


def records(key: str) -> Any:
    tenant = app.lane.tenants.find(key)
    assert tenant is not None
    return {
        name: [(record.data, record.hidden) for record in tenant.store.iter_records(name)]
        for name in tenant.store.collections()
    }


@settings(max_examples=300, deadline=None)
@given(bodies, st.sampled_from(["POST", "PUT"]), st.integers(0, 7), st.text(max_size=5))
def test_what_is_refused_changes_nothing(body: Any, method: str, which: int, query: str) -> None:
    key = "api_test_property"
    client = app.test_client()
    listed = client.get(SMS, auth=(key, "")).get_json()["data"]
    path = SMS if method == "POST" else f"{SMS}{listed[which % len(listed)]['id']}/"
    before = records(key)
    answer = client.open(
        path,
        method=method,
        auth=(key, ""),
        data=json.dumps(body),
        content_type="application/json",
        query_string={"send_to_inbox": query},
    )
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert answer.get_json().keys() == {"errors", "field-errors"}
        assert records(key) == before
