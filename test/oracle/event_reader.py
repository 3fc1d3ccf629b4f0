"""Events from the bytes of records, for the oracles: Confluent's framing and Avro's binary form, by hand."""
import struct

MAX_EXACT = 2**53 - 1

CLICK_TYPES = ["page_view", "item_view", "add_to_cart", "remove_from_cart", "checkout"]
NULLABLE_STRING = ("union", [None, "string"])
SCHEMAS = {
    "click": [
        ("event_id", "string"), ("event_ts", "long"), ("ingest_ts", "long"), ("source", "string"),
        ("session_id", "string"), ("user_id", NULLABLE_STRING), ("event_type", ("enum", CLICK_TYPES)),
        ("item_id", NULLABLE_STRING), ("page", "string"), ("ip", NULLABLE_STRING), ("user_agent", NULLABLE_STRING),
        ("referrer", NULLABLE_STRING),
    ],
    "purchase": [
        ("event_id", "string"), ("event_ts", "long"), ("ingest_ts", "long"), ("source", "string"),
        ("session_id", "string"), ("user_id", NULLABLE_STRING), ("order_id", "string"), ("item_id", "string"),
        ("quantity", "int"), ("unit_price", "long"), ("currency", "string"),
    ],
}


TICK = b"\x01km.tick"


def tick_ms(value):
    """The time in the value of a tick record; None for every other value."""
    if value is None or len(value) != 16 or not value.startswith(TICK):
        return None
    (at_ms,) = struct.unpack(">q", value[8:])
    return at_ms if 946_684_800_000 <= at_ms <= 19_880_899_199_999 else None


class Undecodable(Exception):
    """The bytes are no value of the schema."""


class Reader:
    """Avro binary, by hand."""

    def __init__(self, data, at):
        self.data = data
        self.at = at

    def long(self):
        result = 0
        for shift in range(0, 70, 7):
            if self.at >= len(self.data):
                raise Undecodable("ends within a number")
            byte = self.data[self.at]
            self.at += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (result >> 1) ^ -(result & 1)
        raise Undecodable("a number of more than ten bytes")

    def string(self):
        length = self.long()
        if length < 0 or self.at + length > len(self.data):
            raise Undecodable("ends within a string")
        text = self.data[self.at:self.at + length].decode("utf-8", errors="replace")
        self.at += length
        return text

    def value(self, schema):
        if schema is None:
            return None
        if schema == "string":
            return self.string()
        if schema in ("long", "int"):
            return self.long()
        kind, choices = schema
        index = self.long()
        if not 0 <= index < len(choices):
            raise Undecodable("a choice that the schema does not have")
        return choices[index] if kind == "enum" else self.value(choices[index])


def decode(value, schemas):
    """The event in a record's value; raises Undecodable."""
    if value is None:
        raise Undecodable("null")
    if len(value) < 5 or value[0] != 0:
        raise Undecodable("not byte 0 and a schema id")
    schema = schemas.get(struct.unpack(">i", value[1:5])[0])
    if schema is None:
        raise Undecodable("unknown schema id")
    reader = Reader(value, 5)
    event = {name: reader.value(field) for name, field in SCHEMAS[schema]}
    if reader.at != len(value):
        raise Undecodable("trailing bytes")
    if any(abs(event[name]) > MAX_EXACT for name in ("event_ts", "ingest_ts")):
        raise Undecodable("a time that a double does not hold exactly")
    return event
