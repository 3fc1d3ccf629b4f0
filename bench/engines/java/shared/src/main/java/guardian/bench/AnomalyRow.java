package guardian.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;

/** A version of one row: at the crossing `open`, at the window's end `confirmed` or `retracted`. */
public final class AnomalyRow {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String COUNTS =
      "session_id, rule_id, window_start, window_end, event_count, distinct_items, status";
  private static final String EVIDENCE =
      ", user_id, evidence, kafka_partition, first_offset, last_offset, produced_ts, kafka_ts, detected_ts";

  public String sessionId;
  public String rule;
  public long startMs;
  public long endMs;
  public int events;
  public int items;
  public String status;

  /** Only with evidence, as all below. */
  public String userId;
  /** A JSON object. */
  public String evidence;
  public int partition;
  public long firstOffset;
  public long lastOffset;
  public long producedMs;
  public long kafkaMs;
  public long detectedMs;

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

  /** Adds what section 4 wants to be kept of a window: its first, last and crossing events, offsets, user and times. */
  AnomalyRow withEvidence(OpenWindow window, Pane[] panes, int paneCount) {
    EvidencePane first = null;
    EvidencePane last = null;
    EvidencePane named = null;
    for (int at = 0; at < paneCount; at++) {
      if (!window.holds(panes[at])) continue;
      EvidencePane pane = (EvidencePane) panes[at];
      if (first == null || pane.firstOffset < first.firstOffset) first = pane;
      if (last == null || pane.lastOffset > last.lastOffset) last = pane;
      if (pane.userId != null && (named == null || pane.userOffset > named.userOffset)) named = pane;
    }
    Crossing crossing = window.crossing;
    userId = named == null ? null : named.userId;
    partition = crossing.partition;
    firstOffset = first.firstOffset;
    lastOffset = last.lastOffset;
    producedMs = crossing.producedMs;
    kafkaMs = crossing.kafkaMs;
    detectedMs = crossing.detectedMs;
    ObjectNode json = JSON.createObjectNode();
    json.putObject("rule").put("kind", rule).put("version", 1).putObject("parameters")
        .put("window_seconds", window.rule.panes * Rule.PANE_MS / 1_000).put("min_events", window.rule.minEvents);
    json.putObject("observed").put("events", events).put("distinct_items", items);
    json.putObject("threshold").put("min_events", window.rule.minEvents).put("max_distinct_items", window.rule.maxItems);
    json.put("first_event_id", first.firstId()).put("last_event_id", last.lastId());
    json.putObject("crossed").put("event_id", crossing.eventId).put("offset", crossing.offset)
        .put("events", crossing.events).put("distinct_items", crossing.items);
    evidence = json.toString();
    return this;
  }

  /** The row as it is told on the topic of changes. */
  public byte[] toJson() {
    try {
      return JSON.writeValueAsBytes(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a row cannot be told of", e);
    }
  }

  /** The upsert: a row that was closed is not opened again by a replay. */
  public static String upsert(String table) {
    String columns = Settings.EVIDENCE ? COUNTS + EVIDENCE : COUNTS;
    String values = Settings.EVIDENCE ? "?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?, ?, ?, ?, ?, ?" : "?, ?, ?, ?, ?, ?, ?";
    return "INSERT INTO " + table + " (" + columns + ") VALUES (" + values + ")"
        + " ON CONFLICT (window_start, session_id, rule_id) DO UPDATE SET"
        + " event_count = excluded.event_count, distinct_items = excluded.distinct_items, status = excluded.status"
        + (Settings.EVIDENCE
            ? ", user_id = excluded.user_id, evidence = excluded.evidence, last_offset = excluded.last_offset" : "")
        + " WHERE " + table + ".status = 'open'";
  }

  public void bind(PreparedStatement statement) throws SQLException {
    statement.setString(1, sessionId);
    statement.setString(2, rule);
    statement.setObject(3, utc(startMs));
    statement.setObject(4, utc(endMs));
    statement.setInt(5, events);
    statement.setInt(6, items);
    statement.setString(7, status);
    if (!Settings.EVIDENCE) return;
    statement.setString(8, userId);
    statement.setString(9, evidence);
    statement.setInt(10, partition);
    statement.setLong(11, firstOffset);
    statement.setLong(12, lastOffset);
    statement.setObject(13, utc(producedMs));
    statement.setObject(14, utc(kafkaMs));
    statement.setObject(15, utc(detectedMs));
  }

  private static OffsetDateTime utc(long ms) {
    return Instant.ofEpochMilli(ms).atOffset(ZoneOffset.UTC);
  }
}
