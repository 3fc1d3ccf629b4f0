package guardian.bench;

import java.io.IOException;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.types.StringValue;

/** A click on its way through the exchange. */
public final class ClickFieldsSerializer extends OwnSerializer<ClickFields> {
  static final TypeInformation<ClickFields> TYPE =
      new SerializerTypeInfo<>(ClickFields.class, new ClickFieldsSerializer());
  private static final long serialVersionUID = 1;

  @Override
  public ClickFields createInstance() {
    return new ClickFields();
  }

  @Override
  public ClickFields copy(ClickFields from) {
    ClickFields copy = new ClickFields();
    copy.sessionId = from.sessionId;
    copy.eventMs = from.eventMs;
    copy.idHigh = from.idHigh;
    copy.idLow = from.idLow;
    copy.item = from.item;
    if (!Settings.EVIDENCE) return copy;
    copy.idText = from.idText;
    copy.userId = from.userId;
    copy.producedMs = from.producedMs;
    return copy.at(from.partition, from.offset, from.kafkaMs);
  }

  @Override
  public void serialize(ClickFields click, DataOutputView out) throws IOException {
    StringValue.writeString(click.sessionId, out);
    out.writeLong(click.eventMs);
    out.writeLong(click.idHigh);
    out.writeLong(click.idLow);
    out.writeLong(click.item);
    if (!Settings.EVIDENCE) return;
    Texts.write(out, click.idText);
    Texts.write(out, click.userId);
    out.writeLong(click.producedMs);
    out.writeInt(click.partition);
    out.writeLong(click.offset);
    out.writeLong(click.kafkaMs);
  }

  @Override
  public ClickFields deserialize(DataInputView in) throws IOException {
    return deserialize(new ClickFields(), in);
  }

  @Override
  public ClickFields deserialize(ClickFields click, DataInputView in) throws IOException {
    click.sessionId = StringValue.readString(in);
    click.eventMs = in.readLong();
    click.idHigh = in.readLong();
    click.idLow = in.readLong();
    click.item = in.readLong();
    if (!Settings.EVIDENCE) return click;
    click.idText = Texts.read(in);
    click.userId = Texts.read(in);
    click.producedMs = in.readLong();
    return click.at(in.readInt(), in.readLong(), in.readLong());
  }

  @Override
  public TypeSerializerSnapshot<ClickFields> snapshotConfiguration() {
    return new Snapshot();
  }

  public static final class Snapshot extends SimpleTypeSerializerSnapshot<ClickFields> {
    public Snapshot() {
      super(ClickFieldsSerializer::new);
    }
  }
}
