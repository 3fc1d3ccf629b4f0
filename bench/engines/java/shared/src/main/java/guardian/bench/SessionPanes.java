package guardian.bench;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * The state of one session, and all that is decided about it: an event is dropped as late or duplicate or counted in one
 * pane; a window is a run of panes; a window that crosses its rule is open until the watermark has passed its end.
 */
public final class SessionPanes {
  public static final long NEVER = Long.MAX_VALUE;
  private static final OpenWindow[] NONE_OPEN = {};

  private Pane[] panes = new Pane[1];
  private int paneCount;
  private OpenWindow[] open = NONE_OPEN;
  /** When the engine was last asked to call `advance`. */
  public long timerMs = NEVER;

  /** Takes one event in; rows of windows that it opens go to `rows`. */
  public void add(ClickFields click, long watermarkMs, Consumer<AnomalyRow> rows) {
    if (click.eventMs < watermarkMs || Settings.EVIDENCE && click.isInvalid()) return;
    for (int at = 0; at < paneCount; at++) if (panes[at].hasId(click.idHigh, click.idLow)) return;
    long number = Math.floorDiv(click.eventMs, Rule.PANE_MS);
    pane(number).add(click);
    int total = 0;
    for (int at = 0; at < paneCount; at++) total += panes[at].events;
    if (Settings.EVIDENCE && open.length > 0) tellAgain(click, number, rows);
    if (total >= Rule.FEWEST_EVENTS) check(click, number, rows);
  }

  /** When `advance` is next needed: a window ends, or the newest pane is needed no more. */
  public long dueMs() {
    long due = NEVER;
    for (OpenWindow window : open) due = Math.min(due, window.endMs());
    if (due != NEVER) return due;
    long newest = Long.MIN_VALUE;
    for (int at = 0; at < paneCount; at++) newest = Math.max(newest, panes[at].number);
    return (newest + Rule.LONGEST_PANES) * Rule.PANE_MS;
  }

  /** Closes the windows that the watermark has passed, and forgets what is needed no more. @return whether all is */
  public boolean advance(String sessionId, long watermarkMs, Consumer<AnomalyRow> rows) {
    if (open.length > 0) closePassed(sessionId, watermarkMs, rows);
    int kept = 0;
    for (int at = 0; at < paneCount; at++) {
      Pane pane = panes[at];
      if ((pane.number + Rule.LONGEST_PANES) * Rule.PANE_MS <= watermarkMs) continue;
      if ((pane.number + 1) * Rule.PANE_MS <= watermarkMs) pane.forgetIds();
      panes[kept++] = pane;
    }
    Arrays.fill(panes, kept, paneCount, null);
    paneCount = kept;
    return paneCount == 0;
  }

  private void closePassed(String sessionId, long watermarkMs, Consumer<AnomalyRow> rows) {
    OpenWindow[] kept = new OpenWindow[open.length];
    int count = 0;
    for (OpenWindow window : open) {
      if (window.endMs() > watermarkMs) {
        kept[count++] = window;
        continue;
      }
      rows.accept(countedAgain(sessionId, window, true));
    }
    open = count == 0 ? NONE_OPEN : Arrays.copyOf(kept, count);
  }

  /** Rows of windows that the event has changed, if it is time again. */
  private void tellAgain(ClickFields click, long number, Consumer<AnomalyRow> rows) {
    long nowMs = System.currentTimeMillis();
    for (OpenWindow window : open) {
      if (!window.holds(number) || nowMs - window.crossing.writtenMs < Settings.OPEN_ROW_REWRITE_MS) continue;
      window.crossing.writtenMs = nowMs;
      rows.accept(countedAgain(click.sessionId, window, false));
    }
  }

  private AnomalyRow countedAgain(String sessionId, OpenWindow window, boolean isOver) {
    int events = events(window.startPane, window.rule.panes);
    int items = items(window.startPane, window.rule.panes, Integer.MAX_VALUE);
    String closed = window.rule.holds(events, items) ? "confirmed" : "retracted";
    return row(sessionId, window, events, items, isOver ? closed : "open");
  }

  private AnomalyRow row(String sessionId, OpenWindow window, int events, int items, String status) {
    AnomalyRow row = new AnomalyRow(sessionId, window.rule, window.startPane, events, items, status);
    return Settings.EVIDENCE ? row.withEvidence(window, panes, paneCount) : row;
  }

  private Pane pane(long number) {
    for (int at = 0; at < paneCount; at++) if (panes[at].number == number) return panes[at];
    if (paneCount == panes.length) panes = Arrays.copyOf(panes, paneCount * 2);
    return panes[paneCount++] = Pane.of(number);
  }

  private void check(ClickFields click, long number, Consumer<AnomalyRow> rows) {
    for (Rule rule : Rule.ALL) {
      for (long start = number - rule.panes + 1; start <= number; start++) {
        int events = events(start, rule.panes);
        if (events < rule.minEvents || isOpen(rule, start)) continue;
        int items = items(start, rule.panes, rule.maxItems);
        if (!rule.holds(events, items)) continue;
        Crossing crossing =
            Settings.EVIDENCE ? new Crossing(click, events, items, System.currentTimeMillis()) : null;
        open = Arrays.copyOf(open, open.length + 1);
        open[open.length - 1] = new OpenWindow(rule, start, crossing);
        rows.accept(row(click.sessionId, open[open.length - 1], events, items, "open"));
      }
    }
  }

  private boolean isOpen(Rule rule, long start) {
    for (OpenWindow window : open) if (window.startPane == start && window.rule == rule) return true;
    return false;
  }

  private int events(long start, int length) {
    int events = 0;
    for (int at = 0; at < paneCount; at++)
      if (panes[at].number >= start && panes[at].number < start + length) events += panes[at].events;
    return events;
  }

  /** Distinct items of a window; counts no further than one more than `most`. */
  private int items(long start, int length, int most) {
    long[] seen = new long[4];
    int count = 0;
    for (int at = 0; at < paneCount; at++) {
      Pane pane = panes[at];
      if (pane.number < start || pane.number >= start + length) continue;
      if (pane.itemCount > most) return pane.itemCount;
      for (int i = 0; i < pane.itemCount; i++) {
        if (Pane.contains(seen, count, pane.items[i])) continue;
        if (count == most) return count + 1;
        if (count == seen.length) seen = Arrays.copyOf(seen, count * 2);
        seen[count++] = pane.items[i];
      }
    }
    return count;
  }

  public SessionPanes copy() {
    SessionPanes copy = new SessionPanes();
    copy.panes = new Pane[Math.max(1, paneCount)];
    for (int at = 0; at < paneCount; at++) copy.panes[at] = panes[at].copy();
    copy.paneCount = paneCount;
    if (open.length > 0) {
      copy.open = new OpenWindow[open.length];
      for (int at = 0; at < open.length; at++) copy.open[at] = open[at].copy();
    }
    copy.timerMs = timerMs;
    return copy;
  }

  public void write(DataOutput out) throws IOException {
    out.writeLong(timerMs);
    out.writeByte(paneCount);
    for (int at = 0; at < paneCount; at++) panes[at].write(out);
    out.writeByte(open.length);
    for (OpenWindow window : open) window.write(out);
  }

  public static SessionPanes read(DataInput in) throws IOException {
    SessionPanes session = new SessionPanes();
    session.timerMs = in.readLong();
    session.paneCount = in.readUnsignedByte();
    session.panes = new Pane[Math.max(1, session.paneCount)];
    for (int at = 0; at < session.paneCount; at++) session.panes[at] = Pane.read(in);
    int open = in.readUnsignedByte();
    if (open > 0) session.open = new OpenWindow[open];
    for (int at = 0; at < open; at++) session.open[at] = OpenWindow.read(in);
    return session;
  }
}
