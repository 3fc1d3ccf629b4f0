package guardian.bench;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.jdbc.JdbcConnectionOptions;
import org.apache.flink.connector.jdbc.JdbcExecutionOptions;
import org.apache.flink.connector.jdbc.core.datastream.sink.JdbcSink;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.producer.ProducerRecord;

/** What both Flink programs have in common: one JVM, state on the heap, exactly-once checkpoints, an upsert sink. */
final class FlinkJob {
  /** More often than by default: at the pace of a drain, 200 ms are many seconds of event time. */
  private static final Duration WATERMARK_EVERY = Duration.ofMillis(50);
  private static final Duration BUFFER_AT_MOST = Duration.ofMillis(10);
  private static final int WRITE_RETRIES = 5;

  private FlinkJob() {}

  static StreamExecutionEnvironment environment() {
    Configuration config = new Configuration();
    config.set(StateBackendOptions.STATE_BACKEND, "hashmap");
    config.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
    config.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + Settings.FOLDER);
    config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(Settings.CHECKPOINT_EVERY_MS));
    config.set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, CheckpointingMode.EXACTLY_ONCE);
    config.set(PipelineOptions.OBJECT_REUSE, true);
    config.set(PipelineOptions.AUTO_WATERMARK_INTERVAL, WATERMARK_EVERY);
    config.set(ExecutionOptions.BUFFER_TIMEOUT, BUFFER_AT_MOST);
    return StreamExecutionEnvironment.createLocalEnvironment(Settings.THREADS, config);
  }

  /** Every version of a row, keyed by session; acknowledged before a checkpoint that covers it. */
  static Sink<AnomalyRow> changes() {
    return KafkaSink.<AnomalyRow>builder()
        .setBootstrapServers(Settings.BROKERS)
        .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
        .setRecordSerializer((row, context, timestamp) -> new ProducerRecord<>(
            Settings.CHANGES_TOPIC, row.sessionId.getBytes(StandardCharsets.UTF_8), row.toJson()))
        .build();
  }

  static Sink<AnomalyRow> rows() {
    return JdbcSink.<AnomalyRow>builder()
        .withQueryStatement(AnomalyRow.upsert(Settings.TABLE), (statement, row) -> row.bind(statement))
        .withExecutionOptions(JdbcExecutionOptions.builder()
            .withBatchSize(Settings.ROWS_PER_WRITE)
            .withBatchIntervalMs(Settings.WRITE_EVERY_MS)
            .withMaxRetries(WRITE_RETRIES)
            .build())
        .buildAtLeastOnce(new JdbcConnectionOptions.JdbcConnectionOptionsBuilder()
            .withUrl(Settings.JDBC_URL)
            .withUsername(Settings.JDBC_USER)
            .withPassword(Settings.JDBC_PASSWORD)
            .withDriverName("org.postgresql.Driver")
            .build());
  }
}
