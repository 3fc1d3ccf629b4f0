package guardian.bench;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;

/** Kafka Streams with one hand-written processor. */
public final class StreamsPanes {
  static final String STORE = "panes";
  private static final long CACHE_BYTES = 256L << 20;
  private static final int BUFFERED_RECORDS = 10_000;
  /** The processor asks for commits, right after its rows are written; the interval only has to be longer. */
  private static final int COMMIT_AT_LATEST_MS = 300_000;
  private static final int TRANSACTION_TIMEOUT_MS = 600_000;
  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(20);

  private StreamsPanes() {}

  public static void main(String[] args) {
    Topology topology = new Topology()
        .addSource(Topology.AutoOffsetReset.EARLIEST, "clicks", StreamsPanes::timeOf,
            Serdes.String().deserializer(), new ClickDeserializer(), Settings.TOPIC)
        .addProcessor("sessions", PaneProcessor::new, "clicks")
        .addStateStore(
            Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(STORE), Serdes.String(), SessionPanesSerde.of())
                .withCachingEnabled()
                .withLoggingEnabled(Map.of()),
            "sessions");
    if (Settings.EVIDENCE)
      topology.addSink("changes", Settings.CHANGES_TOPIC, Serdes.String().serializer(), Serdes.ByteArray().serializer(),
          "sessions");
    KafkaStreams streams = new KafkaStreams(topology, settings());
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(CLOSE_WITHIN)));
    Progress.tell();
    streams.start();
  }

  /** What moves the time of its partition; where the record lies is noted on the way, as only this is told of it. */
  private static long timeOf(ConsumerRecord<Object, Object> record, long partitionMs) {
    ClickFields click = (ClickFields) record.value();
    click.at(record.partition(), record.offset(), record.timestamp());
    return Math.min(click.eventMs, record.timestamp());
  }

  private static Properties settings() {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, Settings.GROUP);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, Settings.BROKERS);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, Settings.FOLDER);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Settings.THREADS);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_AT_LATEST_MS);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
    settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, BUFFERED_RECORDS);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG), TRANSACTION_TIMEOUT_MS);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 262_144);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), Settings.MAX_POLL_RECORDS);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_BYTES_CONFIG), Settings.FETCH_MAX_BYTES);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG),
        Settings.FETCH_MAX_BYTES_PER_PARTITION);
    return settings;
  }
}
