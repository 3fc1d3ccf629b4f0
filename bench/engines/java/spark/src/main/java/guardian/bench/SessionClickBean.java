package guardian.bench;

import java.io.IOException;

/** What a click is before the exchange. */
public final class SessionClickBean extends ClickBean {
  SessionClickBean decode(ClickDecoder decoder, byte[] value) throws IOException {
    decoder.decode(value, fields);
    return this;
  }

  public String getSessionId() {
    return fields.sessionId;
  }

  public void setSessionId(String sessionId) {
    fields.sessionId = sessionId;
  }
}
