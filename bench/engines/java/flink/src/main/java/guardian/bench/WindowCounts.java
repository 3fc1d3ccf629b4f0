package guardian.bench;

import java.util.Arrays;

/** What a window of one session has so far. */
public final class WindowCounts {
  public int events;
  public long[] items = {};
  public int itemCount;

  /** Counts an event; items no further than one more than `most`. */
  void add(long item, int most) {
    events++;
    if (item == ClickFields.NO_ITEM || itemCount > most || Pane.contains(items, itemCount, item)) return;
    if (itemCount == items.length) items = Arrays.copyOf(items, Math.max(2, itemCount * 2));
    items[itemCount++] = item;
  }

  WindowCounts copy() {
    WindowCounts copy = new WindowCounts();
    copy.events = events;
    copy.items = items.clone();
    copy.itemCount = itemCount;
    return copy;
  }
}
