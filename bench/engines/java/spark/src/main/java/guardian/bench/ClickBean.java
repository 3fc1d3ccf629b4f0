package guardian.bench;

/** What a click is after the exchange: its session is the key. One object is filled again and again. */
public class ClickBean {
  protected final ClickFields fields = new ClickFields();

  /** @return the same fields, as those of the session */
  ClickFields of(String sessionId) {
    fields.sessionId = sessionId;
    return fields;
  }

  public long getEventMs() {
    return fields.eventMs;
  }

  public void setEventMs(long eventMs) {
    fields.eventMs = eventMs;
  }

  public long getIdHigh() {
    return fields.idHigh;
  }

  public void setIdHigh(long idHigh) {
    fields.idHigh = idHigh;
  }

  public long getIdLow() {
    return fields.idLow;
  }

  public void setIdLow(long idLow) {
    fields.idLow = idLow;
  }

  public long getItem() {
    return fields.item;
  }

  public void setItem(long item) {
    fields.item = item;
  }
}
