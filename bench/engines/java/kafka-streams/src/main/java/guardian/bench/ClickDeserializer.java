package guardian.bench;

import java.io.IOException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/** Clicks for Kafka Streams. */
final class ClickDeserializer implements Deserializer<ClickFields> {
  /** One a thread: Kafka Streams gives all threads the same deserializer. */
  private final ThreadLocal<ClickDecoder> decoders =
      ThreadLocal.withInitial(() -> new ClickDecoder(Settings.REGISTRY_URL));

  @Override
  public ClickFields deserialize(String topic, byte[] value) {
    try {
      return decoders.get().decode(value, new ClickFields());
    } catch (IOException e) {
      throw new SerializationException("not a click", e);
    }
  }
}
