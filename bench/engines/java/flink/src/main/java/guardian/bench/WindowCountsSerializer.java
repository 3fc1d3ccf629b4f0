package guardian.bench;

import java.io.IOException;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** A window's counts in a checkpoint, and their copy while one is being written. */
public final class WindowCountsSerializer extends OwnSerializer<WindowCounts> {
  static final TypeInformation<WindowCounts> TYPE =
      new SerializerTypeInfo<>(WindowCounts.class, new WindowCountsSerializer());
  private static final long serialVersionUID = 1;

  @Override
  public WindowCounts createInstance() {
    return new WindowCounts();
  }

  @Override
  public WindowCounts copy(WindowCounts from) {
    return from.copy();
  }

  @Override
  public void serialize(WindowCounts counts, DataOutputView out) throws IOException {
    out.writeInt(counts.events);
    out.writeInt(counts.itemCount);
    for (int at = 0; at < counts.itemCount; at++) out.writeLong(counts.items[at]);
  }

  @Override
  public WindowCounts deserialize(DataInputView in) throws IOException {
    WindowCounts counts = new WindowCounts();
    counts.events = in.readInt();
    counts.itemCount = in.readInt();
    counts.items = new long[counts.itemCount];
    for (int at = 0; at < counts.itemCount; at++) counts.items[at] = in.readLong();
    return counts;
  }

  @Override
  public TypeSerializerSnapshot<WindowCounts> snapshotConfiguration() {
    return new Snapshot();
  }

  public static final class Snapshot extends SimpleTypeSerializerSnapshot<WindowCounts> {
    public Snapshot() {
      super(WindowCountsSerializer::new);
    }
  }
}
