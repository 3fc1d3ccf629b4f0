package guardian.bench;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The state of a session in a checkpoint, and its copy while one is being written. */
public final class SessionPanesSerializer extends OwnSerializer<SessionPanes> {
  private static final long serialVersionUID = 1;

  @Override
  public SessionPanes createInstance() {
    return new SessionPanes();
  }

  @Override
  public SessionPanes copy(SessionPanes from) {
    return from.copy();
  }

  @Override
  public void serialize(SessionPanes session, DataOutputView out) throws IOException {
    session.write(out);
  }

  @Override
  public SessionPanes deserialize(DataInputView in) throws IOException {
    return SessionPanes.read(in);
  }

  @Override
  public TypeSerializerSnapshot<SessionPanes> snapshotConfiguration() {
    return new Snapshot();
  }

  public static final class Snapshot extends SimpleTypeSerializerSnapshot<SessionPanes> {
    public Snapshot() {
      super(SessionPanesSerializer::new);
    }
  }
}
