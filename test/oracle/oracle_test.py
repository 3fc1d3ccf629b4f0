"""The oracle against cases worked out by hand. Times are seconds after an instant on a window boundary."""
import base64
import struct
import unittest

import event_reader
import oracle

BASE_MS = 1_700_000_040_000  # a multiple of 60,000
RULES = [
    oracle.Rule("HIGH_FREQUENCY", 1, 10_000, 10_000, 3),
    oracle.Rule("BOT_LIKE", 1, 60_000, 10_000, 4, 2),
]


def zigzag(number):
    number = number * 2 if number >= 0 else -number * 2 - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def string(text):
    data = text.encode()
    return zigzag(len(data)) + data


def nullable(text):
    return zigzag(0) if text is None else zigzag(1) + string(text)


def value(event_id, at_s, session="s", item=None, user=None, schema_id=7):
    ms = BASE_MS + round(at_s * 1_000)
    return (b"\0" + struct.pack(">i", schema_id) + string(event_id) + zigzag(ms) + zigzag(ms + 1) + string("test")
            + string(session) + nullable(user) + zigzag(1) + nullable(item) + string("/p") + nullable(None)
            + nullable("agent") + nullable(None))


def log(*values, append_s=None):
    """A partition's records, at offsets 100, 101 ... The append time is far later, unless it is given for each."""
    return [{
        "topic": "t", "partition": 0, "offset": 100 + i, "key": None, "headers": {},
        "timestamp": BASE_MS + (10_000_000 if append_s is None else round(append_s[i] * 1_000)),
        "value": None if data is None else base64.b64encode(data).decode(),
    } for i, data in enumerate(values)]


def decided(*values, append_s=None):
    return oracle.run(log(*values, append_s=append_s), RULES, {7: "click"})[0]


def brief(row):
    return (row["rule_id"], (row["window_start"] - BASE_MS) // 1_000, row["event_count"], row["distinct_items"],
            row["status"], row["first_offset"], row["last_offset"], row["as_of_offset"])


class Decoding(unittest.TestCase):
    def test_reads_every_field(self):
        event = event_reader.decode(value("e", 1, "s", "i", "u"), {7: "click"})
        self.assertEqual(event, {
            "event_id": "e", "event_ts": BASE_MS + 1_000, "ingest_ts": BASE_MS + 1_001, "source": "test",
            "session_id": "s", "user_id": "u", "event_type": "item_view", "item_id": "i", "page": "/p", "ip": None,
            "user_agent": "agent", "referrer": None})

    def test_refuses_what_is_not_exactly_one_value(self):
        good = value("e", 1)
        bad = [None, b"", b"\0\0\0\0", b"\1" + good[1:], value("e", 1, schema_id=8), good + b"\0"]
        bad += [good[:length] for length in range(len(good))]
        partition = decided(good, *bad)
        self.assertEqual(partition.fates, {"accepted": 1, "duplicate": 0, "late": 0, "dead": len(bad)})
        self.assertEqual(partition.dead, [(101 + i, "DECODE") for i in range(len(bad))])

    def test_negative_and_large_numbers(self):
        for number in (0, -1, 1, -64, 64, 2**62, -2**63):
            self.assertEqual(event_reader.Reader(zigzag(number), 0).long(), number)


class Validation(unittest.TestCase):
    def test_codes(self):
        partition = decided(value("", 1), value("a", 1, session=""), value("b", -1_600_000_000),
                            value("c", 1e12), value("d", 10_300.001), value("e", 10_300))
        self.assertEqual(partition.dead, [(100, "INVALID"), (101, "INVALID"), (102, "INVALID"), (103, "INVALID"),
                                          (104, "FUTURE_TIMESTAMP")])
        self.assertEqual(partition.fates["accepted"], 1)


class Watermark(unittest.TestCase):
    def test_late_is_behind_it_and_not_on_it(self):
        partition = decided(value("a", 100), value("b", 70), value("c", 69.999), value("d", 100))
        self.assertEqual(partition.late, [102])
        self.assertEqual(partition.fates["accepted"], 3)

    def test_a_fast_clock_moves_it_no_further_than_the_log(self):
        partition = decided(value("a", 200), value("b", 0), value("c", -0.001), append_s=[30, 31, 32])
        self.assertEqual(partition.late, [102])

    def test_late_and_dead_do_not_move_it(self):
        partition = decided(value("a", 100), value("", 500), value("b", 0), value("c", 70))
        self.assertEqual(partition.watermark_ms, BASE_MS + 70_000)
        self.assertEqual(partition.fates, {"accepted": 2, "duplicate": 0, "late": 1, "dead": 1})


class Duplicates(unittest.TestCase):
    def test_kept_while_the_watermark_has_not_passed(self):
        partition = decided(value("a", 0), value("z", 30), value("a", 10))  # watermark 0: a, of 0, is still kept
        self.assertEqual(partition.fates["duplicate"], 1)
        partition = decided(value("a", 0), value("z", 30.001), value("a", 10))
        self.assertEqual(partition.fates, {"accepted": 3, "duplicate": 0, "late": 0, "dead": 0})

    def test_a_late_repeat_is_late(self):
        self.assertEqual(decided(value("a", 0), value("z", 40), value("a", 0)).fates["late"], 1)


class Windows(unittest.TestCase):
    def test_crosses_and_is_confirmed_by_the_record_that_moves_the_watermark_to_its_end(self):
        partition = decided(value("a", 0, item="x"), value("b", 5, item="y"), value("c", 9.999, item="z", user="u"),
                            value("d", 39.999, "other"), value("e", 40, "other"))
        self.assertEqual([brief(row) for row in partition.rows],
                         [("HIGH_FREQUENCY", 0, 3, 3, "confirmed", 100, 102, 104)])
        self.assertEqual(partition.rows[0]["user_id"], "u")
        self.assertEqual(partition.rows[0]["produced_ts"], BASE_MS + 10_000)

    def test_the_end_is_not_in_the_window(self):
        self.assertEqual(decided(value("a", 0), value("b", 5), value("c", 10)).rows, [])

    def test_open_at_the_end_of_the_log_as_of_its_last_event(self):
        partition = decided(value("a", 3), value("b", 1), value("c", 2), value("d", 0), value("e", 11, "other"))
        self.assertEqual([brief(row) for row in partition.rows if row["rule_id"] == "HIGH_FREQUENCY"],
                         [("HIGH_FREQUENCY", 0, 4, 0, "open", 100, 103, 103)])

    def test_sliding_windows_and_retraction(self):
        # Four events on two items from 51 s to 54 s: six windows of 60 s, starting at 0 ... 50, hold all of them.
        # The third item at 65 s is in those that start at 10 ... 50. Each closes at its end, all but the first without
        # its condition; the one that starts at 60 never held it.
        partition = decided(value("a", 51, item="x"), value("b", 52, item="y"), value("c", 53, item="x"),
                            value("d", 54, item="x"), value("e", 65, item="z"), value("f", 90, "o"),
                            value("g", 140, "o"))
        bots = sorted(brief(row) for row in partition.rows if row["rule_id"] == "BOT_LIKE")
        self.assertEqual(bots, [
            ("BOT_LIKE", 0, 4, 2, "confirmed", 100, 103, 105),
            ("BOT_LIKE", 10, 5, 3, "retracted", 100, 104, 106),
            ("BOT_LIKE", 20, 5, 3, "retracted", 100, 104, 106),
            ("BOT_LIKE", 30, 5, 3, "retracted", 100, 104, 106),
            ("BOT_LIKE", 40, 5, 3, "retracted", 100, 104, 106),
            ("BOT_LIKE", 50, 5, 3, "retracted", 100, 104, 106),
        ])

    def test_a_ratio_of_items_to_events(self):
        # A quarter: four events may have one item, eight may have two. It holds at the fourth, not at the seventh,
        # again at the eighth; and nine with three items do not.
        rules = [oracle.Rule("RATIO", 1, 60_000, 60_000, 4, max_permille=250)]
        items = ["x", "x", "x", "x", "y", "x", "x", "x"]
        values = [value(str(i), i, item=item) for i, item in enumerate(items)]
        run = lambda *more: oracle.run(log(*values, *more, value("o", 200, "o")), rules, {7: "click"})[0].rows
        self.assertEqual([brief(row) for row in run()], [("RATIO", 0, 8, 2, "confirmed", 100, 107, 108)])
        self.assertEqual([row["produced_ts"] for row in run()], [BASE_MS + 3_001])
        self.assertEqual([brief(row) for row in run(value("z", 9, item="z"))],
                         [("RATIO", 0, 9, 3, "retracted", 100, 108, 109)])

    def test_duplicates_and_late_events_are_in_no_window(self):
        partition = decided(value("a", 0), value("b", 1), value("a", 0), value("z", 45, "o"), value("c", 2))
        self.assertEqual(partition.rows, [])
        self.assertEqual(partition.fates, {"accepted": 3, "duplicate": 1, "late": 1, "dead": 0})

    def test_before_1970_division_floors(self):
        self.assertEqual(sorted(RULES[0].window_starts(-1)), [-10_000])
        self.assertEqual(len(list(RULES[1].window_starts(-1))), 6)


if __name__ == "__main__":
    unittest.main()
