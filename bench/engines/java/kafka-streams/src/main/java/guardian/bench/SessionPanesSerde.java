package guardian.bench;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** The state of a session as bytes: what a store of Kafka Streams holds. */
final class SessionPanesSerde {
  private SessionPanesSerde() {}

  static Serde<SessionPanes> of() {
    return Serdes.serdeFrom((topic, session) -> write(session), (topic, bytes) -> read(bytes));
  }

  private static byte[] write(SessionPanes session) {
    if (session == null) return null;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(128);
    try {
      session.write(new DataOutputStream(bytes));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static SessionPanes read(byte[] bytes) {
    if (bytes == null) return null;
    try {
      return SessionPanes.read(new DataInputStream(new ByteArrayInputStream(bytes)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
