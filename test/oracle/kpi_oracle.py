#!/usr/bin/env python3
"""What the archive and the daily figures must be, from the log itself: the opinion that both are compared with.

It reads a dump of topics (see oracle.py), decodes by hand, and counts with sets and loops over everything in memory. It
shares no code with the product: no SQL, no Parquet.

    kpi_oracle.py events DUMP --schema 1=click --schema 2=purchase
        prints every record that is a valid event as a JSON line: topic, partition, offset, append_ms, and all its fields
    kpi_oracle.py day DUMP --schema ... --day 2026-10-01 [--flagged FILE]
        prints the figures of a day as one JSON document; FILE holds a JSON list of the flagged sessions
"""
import argparse
import base64
import calendar
import json
import time

import event_reader
import oracle

DAY_MS = 86_400_000
TYPES = {
    "page_view": "page_views", "item_view": "item_views", "add_to_cart": "add_to_carts",
    "remove_from_cart": "remove_from_carts", "checkout": "checkouts",
}


def valid_events(records, schemas, skew_ms, max_record_bytes):
    """The events of a dump that are no dead letters, with where they stand in the log."""
    for record in records:
        value = None if record["value"] is None else base64.b64decode(record["value"])
        if value is not None and len(value) > max_record_bytes:
            continue
        try:
            event = event_reader.decode(value, schemas)
        except event_reader.Undecodable:
            continue
        if oracle.fault(event, record["timestamp"], skew_ms) is not None:
            continue
        yield {
            "topic": record["topic"], "partition": record["partition"], "offset": record["offset"],
            "append_ms": record["timestamp"], **event,
        }


def first_of_each(events):
    """One event of each session_id and event_id: the one that stands first in the log."""
    found = {}
    for event in sorted(events, key=lambda e: (e["partition"], e["offset"])):
        found.setdefault((event["session_id"], event["event_id"]), event)
    return list(found.values())


def funnel_of(clicks, purchases):
    """How many sessions came to each step, each step at the time of the step before or later."""
    steps = [
        lambda e: e.get("event_type") == "item_view", lambda e: e.get("event_type") == "add_to_cart",
        lambda e: e.get("event_type") == "checkout", lambda e: e.get("quantity", -1) >= 0,
    ]
    reached = [0, 0, 0, 0]
    sessions = {}
    for event in clicks + purchases:
        sessions.setdefault(event["session_id"], []).append(event)
    for events in sessions.values():
        at = None
        for number, is_step in enumerate(steps):
            times = [e["event_ts"] for e in events if is_step(e) and (at is None or e["event_ts"] >= at)]
            if not times:
                break
            at = min(times)
            reached[number] += 1
    return dict(zip(["viewed", "carted", "checked_out", "purchased"], reached))


def top(counts):
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:100]
    return [[item, count] for item, count in ordered]


def figures_of(clicks, purchases):
    """The figures of one kind of traffic."""
    metrics = {name: 0 for name in TYPES.values()}
    views, carts, sold = {}, {}, {}
    for click in clicks:
        metrics[TYPES[click["event_type"]]] += 1
        item = click["item_id"]
        if item is not None and click["event_type"] == "item_view":
            views[item] = views.get(item, 0) + 1
        if item is not None and click["event_type"] == "add_to_cart":
            carts[item] = carts.get(item, 0) + 1
    revenue = {}
    lines, returned = purchases, {}
    returns = [line for line in lines if line["quantity"] < 0]
    purchases = [line for line in lines if line["quantity"] >= 0]
    for currency in {line["currency"] for line in lines}:
        revenue[currency], returned[currency] = 0, 0
    for line in returns:
        returned[line["currency"]] -= line["quantity"] * line["unit_price"]
    for purchase in purchases:
        currency = purchase["currency"]
        revenue[currency] = revenue.get(currency, 0) + purchase["quantity"] * purchase["unit_price"]
        sold[purchase["item_id"]] = sold.get(purchase["item_id"], 0) + purchase["quantity"]
    spans = {}
    for event in clicks + lines:
        low, high = spans.get(event["session_id"], (event["event_ts"], event["event_ts"]))
        spans[event["session_id"]] = (min(low, event["event_ts"]), max(high, event["event_ts"]))
    metrics.update(
        events=len(clicks), sessions=len(spans),
        users=len({e["user_id"] for e in clicks + lines if oracle.is_known(e["user_id"])}),
        purchases=len(purchases), orders=len({p["order_id"] for p in purchases}),
        units_sold=sum(p["quantity"] for p in purchases),
        returns=len(returns), units_returned=-sum(line["quantity"] for line in returns), returned=returned,
        buying_sessions=len({p["session_id"] for p in purchases}),
        session_ms=sum(high - low for low, high in spans.values()), revenue=revenue,
    )
    items = {"views": top(views), "carts": top(carts), "purchases": top(sold)}
    return {"metrics": metrics, "items": items, "funnel": funnel_of(clicks, purchases)}


def day_of(events, day, flagged):
    start = calendar.timegm(time.strptime(day, "%Y-%m-%d")) * 1_000
    of_day = [e for e in events if start <= e["event_ts"] < start + DAY_MS]
    clicks = first_of_each(e for e in of_day if "event_type" in e)
    purchases = first_of_each(e for e in of_day if "order_id" in e)
    kinds = {"all": lambda s: True, "clean": lambda s: s not in flagged, "flagged": lambda s: s in flagged}
    return {
        traffic: figures_of(
            [e for e in clicks if belongs(e["session_id"])], [e for e in purchases if belongs(e["session_id"])])
        for traffic, belongs in kinds.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["events", "day"])
    parser.add_argument("dump")
    parser.add_argument("--schema", action="append", default=[], help="ID=click or ID=purchase")
    parser.add_argument("--day")
    parser.add_argument("--flagged")
    parser.add_argument("--skew-ms", type=int, default=300_000)
    parser.add_argument("--max-record-bytes", type=int, default=1_048_576)
    args = parser.parse_args()
    schemas = {int(number): name for number, name in (pair.split("=") for pair in args.schema)}
    with open(args.dump, encoding="utf-8") as lines:
        events = valid_events(map(json.loads, lines), schemas, args.skew_ms, args.max_record_bytes)
        if args.what == "events":
            for event in events:
                print(json.dumps(event))
            return
        flagged = set()
        if args.flagged:
            with open(args.flagged, encoding="utf-8") as file:
                flagged = set(json.load(file))
        print(json.dumps(day_of(list(events), args.day, flagged)))


if __name__ == "__main__":
    main()
