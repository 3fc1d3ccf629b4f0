#!/usr/bin/env python3
"""The detection contract once more, slow and obvious, as the opinion that the detector is compared with.

It reads a dump of topics (JSON lines: topic, partition, offset, timestamp, key, value, headers; bytes as base64) and
follows section 4 of the design literally, one record after the other. It shares no code with the product, uses the
standard library alone, keeps every event of every window, and counts by looking at all of them again.

    oracle.py DUMP --schema 1=click --schema 2=purchase [--high-frequency 10000,10000,50] [--bot-like 60000,10000,120,3]
              [--low-diversity 300000,60000,200,50] [--lateness-ms 30000] [--skew-ms 300000] [--max-record-bytes 1048576]

prints JSON lines, sorted: {"row": ...} for each anomaly, {"dead": ...} for each dead letter, {"late": ...} for each late
record, {"fates": ...} for each partition, {"log": ...} for how many records each partition has.
"""
import argparse
import base64
import json
import sys

from event_reader import Undecodable, decode, tick_ms

EARLIEST_MS = 946_684_800_000  # 2000-01-01T00:00:00Z
LATEST_MS = 19_880_899_199_999  # 2599-12-31T23:59:59.999Z
MAX_ID_LENGTH = 512
MAX_ITEM_ID_LENGTH = 2048


MAX_QUANTITY = 10**6
MAX_AMOUNT = 10**12
CURRENCIES = {"EUR", "USD", "GBP", "CHF", "JPY", "KRW", "KWD", "PLN", "SEK"}  # those that tests use


def purchase_fault(event):
    """Why a purchase or return cannot be taken, or None."""
    order, item = event["order_id"], event["item_id"]
    if not 0 < len(order) <= MAX_ID_LENGTH or "\0" in order or not item:
        return "INVALID"
    if abs(event["quantity"]) > MAX_QUANTITY or not 0 <= event["unit_price"] <= MAX_AMOUNT:
        return "INVALID"
    if abs(event["quantity"] * event["unit_price"]) > MAX_AMOUNT or event["currency"] not in CURRENCIES:
        return "INVALID"
    return None


UNKNOWN = ('', '-', '""', '"-"', "''")


def is_known(text):
    """Whether a value is more than a placeholder for none."""
    return text is not None and text.strip() not in UNKNOWN


def fault(event, append_ms, skew_ms):
    """Why a decoded event cannot be taken, or None."""
    for name in ("event_id", "session_id"):
        if event[name] == "":
            return "INVALID"
    for name in ("event_id", "session_id", "user_id"):
        text = event[name]
        if text is not None and (len(text) > MAX_ID_LENGTH or "\0" in text):
            return "INVALID"
    if event["item_id"] is not None and len(event["item_id"]) > MAX_ITEM_ID_LENGTH:
        return "INVALID"
    for name in ("event_ts", "ingest_ts"):
        if not EARLIEST_MS <= event[name] <= LATEST_MS:
            return "INVALID"
    if event["event_ts"] > append_ms + skew_ms:
        return "FUTURE_TIMESTAMP"
    return purchase_fault(event) if "order_id" in event else None


class Rule:
    def __init__(self, rule_id, version, size_ms, slide_ms, min_events, max_items=None, max_permille=None):
        self.rule_id = rule_id
        self.version = version
        self.size_ms = size_ms
        self.slide_ms = slide_ms
        self.min_events = min_events
        self.max_items = max_items
        self.max_permille = max_permille

    def holds(self, events, items):
        if self.max_permille is not None and items * 1_000 > self.max_permille * events:
            return False
        return events >= self.min_events and (self.max_items is None or items <= self.max_items)

    def window_starts(self, event_ms):
        """All windows [start, start + size) that hold an instant; starts are multiples of the slide."""
        start = event_ms // self.slide_ms * self.slide_ms
        while start + self.size_ms > event_ms:
            yield start
            start -= self.slide_ms


class Partition:
    """One partition of one topic, which is decided on its own."""

    def __init__(self, topic, number, rules, lateness_ms, skew_ms, max_record_bytes, schemas):
        self.topic = topic
        self.number = number
        self.rules = rules
        self.lateness_ms = lateness_ms
        self.skew_ms = skew_ms
        self.max_record_bytes = max_record_bytes
        self.schemas = schemas
        self.records = 0
        self.fates = {"accepted": 0, "duplicate": 0, "late": 0, "dead": 0}
        self.dead = []
        self.late = []
        self.watermark_ms = None
        self.ids = {}  # (session_id, event_id) -> event_ts
        self.windows = {}  # (rule_id, session, start) -> the accepted events in it, in offset order
        self.raised = {}  # the same key -> the event that crossed
        self.rows = []

    def process(self, record):
        self.records += 1
        fate = self.fate_of(record)
        if fate is not None:
            self.fates[fate] += 1

    def fate_of(self, record):
        offset, append_ms = record["offset"], record["timestamp"]
        value = None if record["value"] is None else base64.b64decode(record["value"])
        at_ms = tick_ms(value)
        if at_ms is not None:  # no event: it only says how far an idle partition has come
            self.advance(min(at_ms, append_ms) - self.lateness_ms, offset)
            return None
        if value is not None and len(value) > self.max_record_bytes:
            return self.die(offset, "TOO_LARGE")
        try:
            event = decode(value, self.schemas)
        except Undecodable:
            return self.die(offset, "DECODE")
        code = fault(event, append_ms, self.skew_ms)
        if code is not None:
            return self.die(offset, code)
        if self.watermark_ms is not None and event["event_ts"] < self.watermark_ms:
            self.late.append(offset)
            return "late"
        identity = (event["session_id"], event["event_id"])
        known_ms = self.ids.get(identity)
        if known_ms is not None and (self.watermark_ms is None or known_ms >= self.watermark_ms):
            return "duplicate"
        self.ids[identity] = event["event_ts"]
        event["offset"] = offset
        event["append_ms"] = append_ms
        self.apply(event)
        self.advance(min(event["event_ts"], append_ms) - self.lateness_ms, offset)
        return "accepted"

    def die(self, offset, code):
        self.dead.append((offset, code))
        return "dead"

    def apply(self, event):
        for rule in self.rules:
            for start in rule.window_starts(event["event_ts"]):
                key = (rule.rule_id, event["session_id"], start)
                self.windows.setdefault(key, []).append(event)
                if key not in self.raised and rule.holds(*count(self.windows[key])):
                    self.raised[key] = event

    def advance(self, watermark_ms, offset):
        if self.watermark_ms is not None and watermark_ms <= self.watermark_ms:
            return
        self.watermark_ms = watermark_ms
        for rule in self.rules:
            ended = [key for key in self.raised if key[0] == rule.rule_id and key[2] + rule.size_ms <= watermark_ms]
            for key in ended:
                status = "confirmed" if rule.holds(*count(self.windows[key])) else "retracted"
                self.rows.append(self.row(rule, key, status, offset))
                del self.raised[key]
        if self.records % 5_000 == 0:
            self.forget()

    def forget(self):
        """Windows that have ended can change no more. Only saves memory."""
        sizes = {rule.rule_id: rule.size_ms for rule in self.rules}
        for key in [key for key in self.windows if key[2] + sizes[key[0]] <= self.watermark_ms]:
            del self.windows[key]

    def end(self):
        """The log ends here: what has been raised and not closed is open."""
        for rule in self.rules:
            for key in [key for key in self.raised if key[0] == rule.rule_id]:
                self.rows.append(self.row(rule, key, "open", max(e["offset"] for e in self.windows[key])))

    def row(self, rule, key, status, as_of_offset):
        _, session_id, start = key
        events = self.windows[key]
        event_count, distinct_items = count(events)
        users = [event["user_id"] for event in events if is_known(event["user_id"])]
        crossed = self.raised[key]
        return {
            "session_id": session_id,
            "user_id": users[-1] if users else None,
            "rule_id": rule.rule_id,
            "rule_version": rule.version,
            "window_start": start,
            "window_end": start + rule.size_ms,
            "event_count": event_count,
            "distinct_items": distinct_items,
            "status": status,
            "topic": self.topic,
            "kafka_partition": self.number,
            "first_offset": min(event["offset"] for event in events),
            "last_offset": max(event["offset"] for event in events),
            "as_of_offset": as_of_offset,
            "produced_ts": crossed["ingest_ts"],
            "kafka_ts": crossed["append_ms"],
        }


def count(events):
    """How many events, and how many different items; no item is no item."""
    return len(events), len({event["item_id"] for event in events if event["item_id"] is not None})


def run(records, rules, schemas, lateness_ms=30_000, skew_ms=300_000, max_record_bytes=1_048_576):
    """All partitions of a dump, each in offset order."""
    logs = {}
    for record in records:
        logs.setdefault((record["topic"], record["partition"]), []).append(record)
    partitions = []
    for (topic, number), log in sorted(logs.items()):
        partition = Partition(topic, number, rules, lateness_ms, skew_ms, max_record_bytes, schemas)
        for record in sorted(log, key=lambda record: record["offset"]):
            partition.process(record)
        partition.end()
        partitions.append(partition)
    return partitions


def report(partitions):
    """Everything as JSON objects, in an order that makes a diff simple."""
    rows = [row for partition in partitions for row in partition.rows]
    rows.sort(key=lambda row: (row["topic"], row["window_start"], row["session_id"], row["rule_id"]))
    for row in rows:
        yield {"row": row}
    for p in partitions:
        for offset, code in p.dead:
            yield {"dead": {"topic": p.topic, "partition": p.number, "offset": offset, "code": code}}
    for p in partitions:
        for offset in p.late:
            yield {"late": {"topic": p.topic, "partition": p.number, "offset": offset}}
    for p in partitions:
        yield {"fates": {"topic": p.topic, "partition": p.number, **p.fates}}
    for p in partitions:
        yield {"log": {"topic": p.topic, "partition": p.number, "records": p.records}}


def numbers(text):
    return [int(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump", help="the dump, or - for standard input")
    parser.add_argument("--schema", action="append", default=[], help="ID=click or ID=purchase")
    parser.add_argument("--high-frequency", default="10000,10000,50", help="size ms, slide ms, events")
    parser.add_argument("--bot-like", default="60000,10000,120,3", help="size ms, slide ms, events, most items")
    parser.add_argument("--low-diversity", help="size ms, slide ms, events, most items in a thousand events; off unless given")
    parser.add_argument("--rule-version", type=int, default=1)
    parser.add_argument("--lateness-ms", type=int, default=30_000)
    parser.add_argument("--skew-ms", type=int, default=300_000)
    parser.add_argument("--max-record-bytes", type=int, default=1_048_576)
    args = parser.parse_args()
    rules = [
        Rule("HIGH_FREQUENCY", args.rule_version, *numbers(args.high_frequency)),
        Rule("BOT_LIKE", args.rule_version, *numbers(args.bot_like)),
    ]
    if args.low_diversity:
        size_ms, slide_ms, events, permille = numbers(args.low_diversity)
        rules.append(Rule("LOW_DIVERSITY_RATIO", args.rule_version, size_ms, slide_ms, events, max_permille=permille))
    schemas = {int(number): name for number, name in (pair.split("=") for pair in args.schema)}
    with (sys.stdin if args.dump == "-" else open(args.dump, encoding="utf-8")) as lines:
        partitions = run(map(json.loads, lines), rules, schemas, args.lateness_ms, args.skew_ms, args.max_record_bytes)
    for line in report(partitions):
        print(json.dumps(line))


if __name__ == "__main__":
    main()
