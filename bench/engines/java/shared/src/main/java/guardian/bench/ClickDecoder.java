package guardian.bench;

import java.io.IOException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.util.Utf8;

/**
 * Confluent wire format (byte 0, four bytes of schema id, Avro) to the fields that the rules read; all others are
 * skipped by Avro's schema resolution. Not safe for several threads.
 */
public final class ClickDecoder {
  private static final String FOR_EVIDENCE = """
      , {"name": "user_id", "type": ["null", "string"]}, {"name": "ingest_ts", "type": "long"}""";
  private static final Schema WANTED = new Schema.Parser().parse("""
      {"type": "record", "name": "Click", "namespace": "km.events", "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "event_ts", "type": "long"},
        {"name": "session_id", "type": "string"},
        {"name": "item_id", "type": ["null", "string"]}%s]}""".formatted(Settings.EVIDENCE ? FOR_EVIDENCE : ""));
  private static final int HEADER = 5;
  private static final int EVENT_ID = 0;
  private static final int EVENT_TS = 1;
  private static final int SESSION_ID = 2;
  private static final int ITEM_ID = 3;
  private static final int USER_ID = 4;
  private static final int INGEST_TS = 5;

  private final SchemaRegistry registry;
  private int schemaId = -1;
  private GenericDatumReader<GenericData.Record> reader;
  private GenericData.Record record;
  private BinaryDecoder decoder;

  public ClickDecoder(String registryUrl) {
    registry = new SchemaRegistry(registryUrl);
  }

  /** Fills `click`. @throws IOException when the bytes are no click */
  public ClickFields decode(byte[] value, ClickFields click) throws IOException {
    if (value.length < HEADER || value[0] != 0) throw new IOException("not byte 0 and a schema id");
    use((value[1] & 0xff) << 24 | (value[2] & 0xff) << 16 | (value[3] & 0xff) << 8 | value[4] & 0xff);
    decoder = DecoderFactory.get().binaryDecoder(value, HEADER, value.length - HEADER, decoder);
    record = reader.read(record, decoder);
    if (!decoder.isEnd()) throw new IOException("trailing bytes");
    Utf8 id = (Utf8) record.get(EVENT_ID);
    Utf8 item = (Utf8) record.get(ITEM_ID);
    click.eventMs = (Long) record.get(EVENT_TS);
    click.sessionId = record.get(SESSION_ID).toString();
    click.item = item == null ? ClickFields.NO_ITEM : Hash.of(item.getBytes(), item.getByteLength(), 3);
    if (Settings.EVIDENCE) return withEvidence(id, click);
    hash(id, click);
    return click;
  }

  private ClickFields withEvidence(Utf8 id, ClickFields click) {
    click.idText = null;
    if (!EventIds.readUuid(id.getBytes(), id.getByteLength(), click)) {
      hash(id, click);
      click.idText = id.toString();
    }
    Utf8 user = (Utf8) record.get(USER_ID);
    click.userId = user == null ? null : user.toString();
    click.producedMs = (Long) record.get(INGEST_TS);
    return click;
  }

  private static void hash(Utf8 id, ClickFields click) {
    click.idHigh = Hash.of(id.getBytes(), id.getByteLength(), 1);
    click.idLow = Hash.of(id.getBytes(), id.getByteLength(), 2);
  }

  private void use(int id) throws IOException {
    if (id == schemaId) return;
    reader = new GenericDatumReader<>(registry.schema(id), WANTED);
    schemaId = id;
  }
}
