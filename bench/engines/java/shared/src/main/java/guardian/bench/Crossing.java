package guardian.bench;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** The event at which a window's condition first held: part of the evidence. */
final class Crossing {
  final String eventId;
  final int partition;
  final long offset;
  final int events;
  final int items;
  final long producedMs;
  final long kafkaMs;
  final long detectedMs;
  /** When the open row was last written. */
  long writtenMs;

  Crossing(ClickFields click, int events, int items, long nowMs) {
    this(click.eventId(), click.partition, click.offset, events, items, click.producedMs, click.kafkaMs, nowMs, nowMs);
  }

  private Crossing(
      String eventId, int partition, long offset, int events, int items, long producedMs, long kafkaMs, long detectedMs,
      long writtenMs) {
    this.eventId = eventId;
    this.partition = partition;
    this.offset = offset;
    this.events = events;
    this.items = items;
    this.producedMs = producedMs;
    this.kafkaMs = kafkaMs;
    this.detectedMs = detectedMs;
    this.writtenMs = writtenMs;
  }

  Crossing copy() {
    return new Crossing(eventId, partition, offset, events, items, producedMs, kafkaMs, detectedMs, writtenMs);
  }

  void write(DataOutput out) throws IOException {
    out.writeUTF(eventId);
    out.writeInt(partition);
    out.writeLong(offset);
    out.writeInt(events);
    out.writeInt(items);
    out.writeLong(producedMs);
    out.writeLong(kafkaMs);
    out.writeLong(detectedMs);
    out.writeLong(writtenMs);
  }

  static Crossing read(DataInput in) throws IOException {
    return new Crossing(in.readUTF(), in.readInt(), in.readLong(), in.readInt(), in.readInt(), in.readLong(), in.readLong(),
        in.readLong(), in.readLong());
  }
}
