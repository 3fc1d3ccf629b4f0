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

  private Pane[] panes = new Pane[1];
  private int paneCount;
  private byte[] openRules = {};
  private long[] openStarts = {};
  private int openCount;
  /** When the engine was last asked to call `advance`. */
  public long timerMs = NEVER;

  /** Takes one event in; rows of windows that it opens go to `rows`. */
  public void add(ClickFields click, long watermarkMs, Consumer<AnomalyRow> rows) {
    if (click.eventMs < watermarkMs) return;
    for (int at = 0; at < paneCount; at++) if (panes[at].hasId(click.idHigh, click.idLow)) return;
    long number = Math.floorDiv(click.eventMs, Rule.PANE_MS);
    pane(number).add(click);
    int total = 0;
    for (int at = 0; at < paneCount; at++) total += panes[at].events;
    if (total >= Rule.FEWEST_EVENTS) check(click.sessionId, number, rows);
  }

  /** When `advance` is next needed: a window ends, or the newest pane is needed no more. */
  public long dueMs() {
    long due = NEVER;
    for (int at = 0; at < openCount; at++) due = Math.min(due, endMs(Rule.ALL[openRules[at]], openStarts[at]));
    if (due != NEVER) return due;
    long newest = Long.MIN_VALUE;
    for (int at = 0; at < paneCount; at++) newest = Math.max(newest, panes[at].number);
    return (newest + Rule.LONGEST_PANES) * Rule.PANE_MS;
  }

  /** Closes the windows that the watermark has passed, and forgets what is needed no more. @return whether all is */
  public boolean advance(String sessionId, long watermarkMs, Consumer<AnomalyRow> rows) {
    int open = 0;
    for (int at = 0; at < openCount; at++) {
      Rule rule = Rule.ALL[openRules[at]];
      if (endMs(rule, openStarts[at]) <= watermarkMs) {
        close(sessionId, rule, openStarts[at], rows);
      } else {
        openRules[open] = openRules[at];
        openStarts[open++] = openStarts[at];
      }
    }
    openCount = open;
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

  private static long endMs(Rule rule, long startPane) {
    return (startPane + rule.panes) * Rule.PANE_MS;
  }

  private Pane pane(long number) {
    for (int at = 0; at < paneCount; at++) if (panes[at].number == number) return panes[at];
    if (paneCount == panes.length) panes = Arrays.copyOf(panes, paneCount * 2);
    return panes[paneCount++] = new Pane(number);
  }

  private void check(String sessionId, long number, Consumer<AnomalyRow> rows) {
    for (Rule rule : Rule.ALL) {
      for (long start = number - rule.panes + 1; start <= number; start++) {
        int events = events(start, rule.panes);
        if (events < rule.minEvents || isOpen(rule, start)) continue;
        int items = items(start, rule.panes, rule.maxItems);
        if (!rule.holds(events, items)) continue;
        open(rule, start);
        rows.accept(new AnomalyRow(sessionId, rule, start, events, items, "open"));
      }
    }
  }

  private void close(String sessionId, Rule rule, long start, Consumer<AnomalyRow> rows) {
    int events = events(start, rule.panes);
    int items = items(start, rule.panes, Integer.MAX_VALUE);
    String status = rule.holds(events, items) ? "confirmed" : "retracted";
    rows.accept(new AnomalyRow(sessionId, rule, start, events, items, status));
  }

  private boolean isOpen(Rule rule, long start) {
    for (int at = 0; at < openCount; at++) if (openStarts[at] == start && openRules[at] == rule.ordinal()) return true;
    return false;
  }

  private void open(Rule rule, long start) {
    if (openCount == openStarts.length) {
      openRules = Arrays.copyOf(openRules, openCount + 4);
      openStarts = Arrays.copyOf(openStarts, openCount + 4);
    }
    openRules[openCount] = (byte) rule.ordinal();
    openStarts[openCount++] = start;
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
    copy.openRules = openRules.clone();
    copy.openStarts = openStarts.clone();
    copy.openCount = openCount;
    copy.timerMs = timerMs;
    return copy;
  }

  public void write(DataOutput out) throws IOException {
    out.writeLong(timerMs);
    out.writeByte(paneCount);
    for (int at = 0; at < paneCount; at++) panes[at].write(out);
    out.writeByte(openCount);
    for (int at = 0; at < openCount; at++) {
      out.writeByte(openRules[at]);
      out.writeLong(openStarts[at]);
    }
  }

  public static SessionPanes read(DataInput in) throws IOException {
    SessionPanes session = new SessionPanes();
    session.timerMs = in.readLong();
    session.paneCount = in.readUnsignedByte();
    session.panes = new Pane[Math.max(1, session.paneCount)];
    for (int at = 0; at < session.paneCount; at++) session.panes[at] = Pane.read(in);
    session.openCount = in.readUnsignedByte();
    session.openRules = new byte[session.openCount];
    session.openStarts = new long[session.openCount];
    for (int at = 0; at < session.openCount; at++) {
      session.openRules[at] = in.readByte();
      session.openStarts[at] = in.readLong();
    }
    return session;
  }
}
