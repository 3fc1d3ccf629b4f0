package guardian.bench;

/** The fields of a click that the rules read. One object is filled again and again. */
public final class ClickFields {
  /** Stands for no item. */
  public static final long NO_ITEM = 0;

  public String sessionId;
  public long eventMs;
  /** The event id as 128 bits. */
  public long idHigh;
  public long idLow;
  /** The item as 64 bits, or NO_ITEM. */
  public long item;
}
