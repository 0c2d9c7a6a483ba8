"""What a page costs in a large account against a small one; prints ratios, judges nothing.

    python tests/benchmarks/growth.py [--small 100] [--large 100000]

Each row is the median time of one request in this process, web server and sockets aside.
Every lead has ten SMS in both accounts, so that a filter by lead finds as many in either.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from base64 import b64encode
from collections.abc import Callable
from statistics import median
from typing import Any

from mock_server.clock import format_instant
from mock_server.http.compose import build_lane
from mock_server.http.wire import Lane
from mock_server.pipeline.order import settle
from mock_server.pipeline.write import write
from mock_server.rules.values import Context
from mock_server.spec import default_document_path, load_document
from mock_server.state.seed import Seed
from mock_server.testing.wsgi import call

START = 1_900_000_000_000_000
MINUTE = 60_000_000
PER_LEAD = 10
BASE = "http://stub/api/v1"
KEY = "api_test_growth"
CREDENTIALS = [("Authorization", "Basic " + b64encode(f"{KEY}:".encode()).decode())]


def build(count: int) -> tuple[Lane, dict[str, str]]:
    """An account with so many SMS and events, and words for the paths of its requests."""
    document = load_document(default_document_path())
    now = START + 2 * count * MINUTE
    lane = build_lane(
        document, {"time_source": lambda: now, "random_seed": 1, "seeds": [account(count)]}
    )
    tenant = lane.tenants.find(KEY)
    assert tenant is not None
    prototype = lane.plan.prototypes["SMSActivity"]
    with tenant.store.transaction():
        settle(lane.plan, tenant, now)
        for number in range(0, count, 2):
            record = tenant.store.get(prototype.collection, sms_id(number))
            assert record is not None
            context = Context(tenant.store, tenant.ids, format_instant(now), {})
            changed = prototype.change(context, record, {"text": f"changed {number}"}, now)
            write(context, prototype, record, changed)
    middle = START + count // 2 * MINUTE
    events = json.loads(ask(lane, "/event/?_limit=20"))
    return lane, {
        "mark": events["cursor_next"],
        "lead": f"lead_{count // PER_LEAD // 2}",
        "leads": ",".join(f"lead_{n}" for n in range(0, count // PER_LEAD, max(count // 50, 1))),
        "middle": format_instant(middle).replace("+", "%2B"),
        "later": format_instant(middle + 50 * MINUTE).replace("+", "%2B"),
        "deep": str(count - 10),
        "half": str(count // 2 - 10),
    }


def sms_id(number: int) -> str:
    return f"acti_{number:07d}"


def account(count: int) -> Seed:
    people = [
        {
            "id": "user_1",
            "api_key": KEY,
            "organization_id": "orga_1",
            "first_name": "Uma",
            "last_name": "Specimen",
        }
    ]
    leads = [{"id": f"lead_{n}", "name": f"Lead {n}"} for n in range(max(count // PER_LEAD, 1))]
    sms = [
        {
            "id": sms_id(number),
            "status": "sent" if number % 3 else "inbox",
            "lead_id": f"lead_{number // PER_LEAD}",
            "text": f"Text {number}",
            "date_created": format_instant(START + number * MINUTE),
            "activity_at": format_instant(START + (number * 7919 % count) * MINUTE),
            "user_id": "user_1",
            "organization_id": "orga_1",
        }
        for number in range(count)
    ]
    return Seed(None, {"users": tuple(people), "leads": tuple(leads), "sms_activities": tuple(sms)})


PAGES = {
    "first page": "/activity/sms/?_limit=10",
    "first hundred": "/activity/sms/?_limit=100",
    "deep page": "/activity/sms/?_limit=10&_skip={deep}",
    "of one lead": "/activity/sms/?_limit=10&lead_id={lead}",
    "of some leads": "/activity/?_limit=10&lead_id__in={leads}",
    "of one user (all)": "/activity/sms/?_limit=10&user_id=user_1",
    "of one user, deep": "/activity/sms/?_limit=10&_skip={deep}&user_id=user_1",
    "of two filters (all)": "/activity/sms/?_limit=10&user_id=user_1&organization_id=orga_1",
    "two filters, half way": "/activity/sms/?_limit=10&_skip={half}&user_id=user_1&organization_id=orga_1",
    "lead and user": "/activity/sms/?_limit=10&lead_id={lead}&user_id=user_1",
    "created since": "/activity/sms/?_limit=10&date_created__gt={middle}",
    "created between": "/activity/sms/?_limit=10&date_created__gt={middle}&date_created__lt={later}",
    "user, created since": "/activity/sms/?_limit=10&user_id=user_1&date_created__gt={middle}",
    "active since": "/activity/sms/?_limit=10&activity_at__gt={middle}",
    "active between": "/activity/sms/?_limit=10&activity_at__gt={middle}&activity_at__lt={later}",
    "user, active until": "/activity/sms/?_limit=10&_skip=20&user_id=user_1&activity_at__lt={middle}",
    "by activity_at": "/activity/?_limit=10&_order_by=activity_at",
    "all types": "/activity/?_limit=10&_type__in=SMS,Call",
    "events": "/event/?_limit=10",
    "events beyond a mark": "/event/?_limit=10&_cursor={mark}",
    "events of a kind, beyond": "/event/?_limit=10&object_type=activity.sms&action=updated&_cursor={mark}",
    "events of no kind": "/event/?_limit=10&object_type=activity.sms&action=deleted",
    "events of a kind": "/event/?_limit=10&object_type=activity.sms&action=updated",
    "leads": "/lead/?_limit=10",
    "one record": "/activity/sms/acti_0000042/",
}


def ask(lane: Lane, path: str) -> bytes:
    reply = call(lane, "GET", BASE + path, CREDENTIALS)
    assert reply.status == 200, (path, reply.body[:300])
    return reply.body


def timed(one: Callable[[], Any], times: int) -> float:
    """Microseconds, the median."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        one()
        taken.append(time.perf_counter() - began)
    return median(taken) * 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=100)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=31)
    options = parser.parse_args()
    began = time.perf_counter()
    small, large = build(options.small), build(options.large)
    gc.collect()
    gc.freeze()
    print(f"built in {time.perf_counter() - began:.1f} s")
    print(f"{'page':24} {options.small:>9,} {options.large:>9,}   ratio")
    for name, path in PAGES.items():
        costs = []
        for lane, words in (small, large):
            filled = path.format(**words)
            first = timed(lambda lane=lane, filled=filled: ask(lane, filled), 1)  # type: ignore[misc]
            times = options.times if first < 100_000 else 3
            costs.append(timed(lambda lane=lane, filled=filled: ask(lane, filled), times))  # type: ignore[misc]
        ratio = costs[1] / costs[0]
        mark = "  <" if ratio > 1.5 else ""
        print(f"{name:24} {costs[0]:6.0f} µs {costs[1]:6.0f} µs {ratio:7.2f}{mark}")


if __name__ == "__main__":
    main()
