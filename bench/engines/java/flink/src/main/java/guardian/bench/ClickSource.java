package guardian.bench;

import java.io.IOException;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** The clicks of the topic, from its beginning, with their event times. */
final class ClickSource {
  private ClickSource() {}

  static DataStream<ClickFields> in(StreamExecutionEnvironment env) {
    KafkaSource<ClickFields> source = KafkaSource.<ClickFields>builder()
        .setBootstrapServers(Settings.BROKERS)
        .setTopics(Settings.TOPIC)
        .setGroupId(Settings.GROUP)
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setDeserializer(new ClickDeserializer())
        .setProperty(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, Settings.FETCH_MAX_BYTES)
        .setProperty(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, Settings.FETCH_MAX_BYTES_PER_PARTITION)
        .setProperty(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, String.valueOf(Settings.MAX_POLL_RECORDS))
        .build();
    WatermarkStrategy<ClickFields> watermarks = WatermarkStrategy
        .<ClickFields>forBoundedOutOfOrderness(Duration.ofMillis(Rule.LATENESS_MS))
        .withTimestampAssigner((click, logAppendMs) -> Math.min(click.eventMs, logAppendMs));
    return env.fromSource(source, watermarks, "clicks");
  }

  /** What it gives is written to the exchange, or copied, before it is asked again: one object is enough. */
  private static final class ClickDeserializer implements KafkaRecordDeserializationSchema<ClickFields> {
    private static final long serialVersionUID = 1;

    private transient ClickDecoder decoder;
    private transient ClickFields click;

    @Override
    public void open(DeserializationSchema.InitializationContext context) {
      decoder = new ClickDecoder(Settings.REGISTRY_URL);
      click = new ClickFields();
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<ClickFields> out) throws IOException {
      decoder.decode(record.value(), click);
      out.collect(click.at(record.partition(), record.offset(), record.timestamp()));
    }

    @Override
    public TypeInformation<ClickFields> getProducedType() {
      return ClickFieldsSerializer.TYPE;
    }
  }
}
