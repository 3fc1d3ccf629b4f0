package guardian.bench;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.function.FlatMapGroupsWithStateFunction;
import org.apache.spark.sql.streaming.GroupState;

/**
 * Both rules for one session, on panes. Called once for each session that has clicks in a micro-batch, and without any
 * once its time has come. Its watermark is that of the micro-batch: it stands still while this one is worked on.
 */
final class SessionFunction implements FlatMapGroupsWithStateFunction<String, ClickBean, byte[], AnomalyRow> {
  private static final long serialVersionUID = 1;
  private static final int USUAL_BYTES = 128;

  @Override
  public Iterator<AnomalyRow> call(String sessionId, Iterator<ClickBean> clicks, GroupState<byte[]> state)
      throws IOException {
    long watermarkMs = state.getCurrentWatermarkMs();
    List<AnomalyRow> rows = new ArrayList<>(0);
    SessionPanes session = state.exists() ? read(state.get()) : new SessionPanes();
    while (clicks.hasNext()) session.add(clicks.next().of(sessionId), watermarkMs, rows::add);
    if (session.advance(sessionId, watermarkMs, rows::add)) {
      state.remove();
      return rows.iterator();
    }
    session.timerMs = session.dueMs();
    state.update(write(session));
    state.setTimeoutTimestamp(session.timerMs);
    return rows.iterator();
  }

  private static byte[] write(SessionPanes session) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(USUAL_BYTES);
    session.write(new DataOutputStream(bytes));
    return bytes.toByteArray();
  }

  private static SessionPanes read(byte[] bytes) throws IOException {
    return SessionPanes.read(new DataInputStream(new ByteArrayInputStream(bytes)));
  }
}
