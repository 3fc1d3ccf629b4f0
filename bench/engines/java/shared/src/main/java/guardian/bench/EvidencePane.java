package guardian.bench;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** A pane that also knows its first and its last event, and who sent them. */
final class EvidencePane extends Pane {
  long firstOffset = Long.MAX_VALUE;
  long lastOffset = -1;
  private long firstHigh;
  private long firstLow;
  private String firstText;
  private long lastHigh;
  private long lastLow;
  private String lastText;
  /** Of the last event that names a user; null when none does. */
  String userId;
  long userOffset = -1;

  EvidencePane(long number) {
    super(number);
  }

  private EvidencePane(EvidencePane other) {
    super(other);
    firstOffset = other.firstOffset;
    lastOffset = other.lastOffset;
    firstHigh = other.firstHigh;
    firstLow = other.firstLow;
    firstText = other.firstText;
    lastHigh = other.lastHigh;
    lastLow = other.lastLow;
    lastText = other.lastText;
    userId = other.userId;
    userOffset = other.userOffset;
  }

  @Override
  Pane copy() {
    return new EvidencePane(this);
  }

  @Override
  void add(ClickFields click) {
    super.add(click);
    if (lastOffset < 0) {
      firstOffset = click.offset;
      firstHigh = click.idHigh;
      firstLow = click.idLow;
      firstText = click.idText;
    }
    lastOffset = click.offset;
    lastHigh = click.idHigh;
    lastLow = click.idLow;
    lastText = click.idText;
    if (click.userId == null) return;
    userId = click.userId;
    userOffset = click.offset;
  }

  String firstId() {
    return EventIds.textOf(firstHigh, firstLow, firstText);
  }

  String lastId() {
    return EventIds.textOf(lastHigh, lastLow, lastText);
  }

  @Override
  void write(DataOutput out) throws IOException {
    super.write(out);
    out.writeLong(firstOffset);
    out.writeLong(lastOffset);
    out.writeLong(firstHigh);
    out.writeLong(firstLow);
    Texts.write(out, firstText);
    out.writeLong(lastHigh);
    out.writeLong(lastLow);
    Texts.write(out, lastText);
    Texts.write(out, userId);
    out.writeLong(userOffset);
  }

  @Override
  void readOn(DataInput in) throws IOException {
    super.readOn(in);
    firstOffset = in.readLong();
    lastOffset = in.readLong();
    firstHigh = in.readLong();
    firstLow = in.readLong();
    firstText = Texts.read(in);
    lastHigh = in.readLong();
    lastLow = in.readLong();
    lastText = Texts.read(in);
    userId = Texts.read(in);
    userOffset = in.readLong();
  }
}
