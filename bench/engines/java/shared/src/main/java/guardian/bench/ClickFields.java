package guardian.bench;

/** The fields of a click that the rules and, if it is kept, their evidence read. One object is filled again and again. */
public final class ClickFields {
  /** Stands for no item. */
  public static final long NO_ITEM = 0;

  public String sessionId;
  public long eventMs;
  /** The event id: the bits of a UUID, or a hash of any other text. */
  public long idHigh;
  public long idLow;
  /** The item as 64 bits, or NO_ITEM. */
  public long item;

  /** Only with evidence, as all below: the event id where it is no UUID, else null. */
  public String idText;
  public String userId;
  public long producedMs;
  /** The log append time. */
  public long kafkaMs;
  public int partition;
  public long offset;

  /** Where the record lies in Kafka. */
  public ClickFields at(int partition, long offset, long kafkaMs) {
    this.partition = partition;
    this.offset = offset;
    this.kafkaMs = kafkaMs;
    return this;
  }

  /** Section 4: no id, no session, or a clock that is too far ahead. Without evidence nothing is checked. */
  public boolean isInvalid() {
    return sessionId.isEmpty() || idText != null && idText.isEmpty() || eventMs > kafkaMs + Settings.MAX_AHEAD_MS;
  }

  /** The event id as it was written. */
  String eventId() {
    return EventIds.textOf(idHigh, idLow, idText);
  }
}
