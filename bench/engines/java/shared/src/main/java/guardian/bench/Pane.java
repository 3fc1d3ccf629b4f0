package guardian.bench;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;

/** Ten seconds of one session: its event ids (two longs each), how many they are, and the distinct items. */
class Pane {
  private static final long[] NONE = {};

  final long number;
  int events;
  /** Emptied once the watermark has passed the pane: a repeat of such an id would be late. */
  private long[] ids;
  private int idWords;
  long[] items;
  int itemCount;

  Pane(long number) {
    this.number = number;
    ids = new long[2];
    items = NONE;
  }

  Pane(Pane other) {
    number = other.number;
    events = other.events;
    ids = other.idWords == 0 ? NONE : Arrays.copyOf(other.ids, other.idWords);
    idWords = other.idWords;
    items = other.itemCount == 0 ? NONE : Arrays.copyOf(other.items, other.itemCount);
    itemCount = other.itemCount;
  }

  static Pane of(long number) {
    return Settings.EVIDENCE ? new EvidencePane(number) : new Pane(number);
  }

  Pane copy() {
    return new Pane(this);
  }

  boolean hasId(long high, long low) {
    for (int at = 0; at < idWords; at += 2) if (ids[at] == high && ids[at + 1] == low) return true;
    return false;
  }

  void add(ClickFields click) {
    events++;
    if (idWords + 2 > ids.length) ids = Arrays.copyOf(ids, Math.max(4, ids.length * 2));
    ids[idWords++] = click.idHigh;
    ids[idWords++] = click.idLow;
    if (click.item == ClickFields.NO_ITEM || contains(items, itemCount, click.item)) return;
    if (itemCount == items.length) items = Arrays.copyOf(items, Math.max(2, items.length * 2));
    items[itemCount++] = click.item;
  }

  void forgetIds() {
    ids = NONE;
    idWords = 0;
  }

  void write(DataOutput out) throws IOException {
    out.writeLong(number);
    out.writeInt(events);
    writeLongs(out, ids, idWords);
    writeLongs(out, items, itemCount);
  }

  static Pane read(DataInput in) throws IOException {
    Pane pane = of(in.readLong());
    pane.readOn(in);
    return pane;
  }

  void readOn(DataInput in) throws IOException {
    events = in.readInt();
    ids = readLongs(in);
    idWords = ids.length;
    items = readLongs(in);
    itemCount = items.length;
  }

  static boolean contains(long[] values, int count, long value) {
    for (int at = 0; at < count; at++) if (values[at] == value) return true;
    return false;
  }

  private static void writeLongs(DataOutput out, long[] values, int count) throws IOException {
    out.writeShort(count);
    for (int at = 0; at < count; at++) out.writeLong(values[at]);
  }

  private static long[] readLongs(DataInput in) throws IOException {
    int count = in.readUnsignedShort();
    if (count == 0) return NONE;
    long[] values = new long[count];
    for (int at = 0; at < count; at++) values[at] = in.readLong();
    return values;
  }
}
