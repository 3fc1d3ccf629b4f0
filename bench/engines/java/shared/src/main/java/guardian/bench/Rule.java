package guardian.bench;

/** The two rules, in panes of ten seconds. */
public enum Rule {
  HIGH_FREQUENCY(1, 50, Integer.MAX_VALUE),
  BOT_LIKE(6, 120, 3);

  public static final long PANE_MS = 10_000;
  public static final long LATENESS_MS = 30_000;
  /** Panes in the longest window: a pane is needed until the last window that holds it has closed. */
  static final int LONGEST_PANES = 6;
  static final int FEWEST_EVENTS = 50;
  static final Rule[] ALL = values();

  public final int panes;
  public final int minEvents;
  public final int maxItems;

  Rule(int panes, int minEvents, int maxItems) {
    this.panes = panes;
    this.minEvents = minEvents;
    this.maxItems = maxItems;
  }

  public boolean holds(int events, int items) {
    return events >= minEvents && items <= maxItems;
  }
}
