package guardian.bench;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;

/** A version of one row: at the crossing `open`, at the window's end `confirmed` or `retracted`. */
public final class AnomalyRow {
  public String sessionId;
  public String rule;
  public long startMs;
  public long endMs;
  public int events;
  public int items;
  public String status;

  /** For Flink, which fills the fields itself. */
  public AnomalyRow() {}

  public AnomalyRow(String sessionId, Rule rule, long startPane, int events, int items, String status) {
    this.sessionId = sessionId;
    this.rule = rule.name();
    this.startMs = startPane * Rule.PANE_MS;
    this.endMs = (startPane + rule.panes) * Rule.PANE_MS;
    this.events = events;
    this.items = items;
    this.status = status;
  }

  /** The upsert: a row that was closed is not opened again by a replay. */
  public static String upsert(String table) {
    return "INSERT INTO " + table + " (session_id, rule_id, window_start, window_end, event_count, distinct_items, status)"
        + " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (window_start, session_id, rule_id) DO UPDATE SET"
        + " event_count = excluded.event_count, distinct_items = excluded.distinct_items, status = excluded.status"
        + " WHERE " + table + ".status = 'open'";
  }

  public void bind(PreparedStatement statement) throws SQLException {
    statement.setString(1, sessionId);
    statement.setString(2, rule);
    statement.setObject(3, Instant.ofEpochMilli(startMs).atOffset(ZoneOffset.UTC));
    statement.setObject(4, Instant.ofEpochMilli(endMs).atOffset(ZoneOffset.UTC));
    statement.setInt(5, events);
    statement.setInt(6, items);
    statement.setString(7, status);
  }
}
