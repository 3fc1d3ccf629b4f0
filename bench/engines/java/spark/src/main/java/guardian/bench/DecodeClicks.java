package guardian.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Iterator;
import org.apache.spark.api.java.function.MapPartitionsFunction;

/** The clicks of one Kafka partition in one micro-batch. */
final class DecodeClicks implements MapPartitionsFunction<byte[], SessionClickBean> {
  private static final long serialVersionUID = 1;
  /** One a thread, not one a task: a new one asks the registry for the schema, and each batch has four tasks. */
  private static final ThreadLocal<ClickDecoder> DECODERS =
      ThreadLocal.withInitial(() -> new ClickDecoder(Settings.REGISTRY_URL));

  @Override
  public Iterator<SessionClickBean> call(Iterator<byte[]> values) {
    ClickDecoder decoder = DECODERS.get();
    SessionClickBean click = new SessionClickBean();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return values.hasNext();
      }

      /** Spark writes what it gives into a row before it asks again: one object is enough. */
      @Override
      public SessionClickBean next() {
        try {
          return click.decode(decoder, values.next());
        } catch (IOException e) {
          throw new UncheckedIOException("not a click", e);
        }
      }
    };
  }
}
