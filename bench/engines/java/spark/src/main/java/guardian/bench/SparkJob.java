package guardian.bench;

import java.util.Iterator;
import java.util.Map;
import org.apache.spark.api.java.function.ForeachPartitionFunction;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StreamingQueryListener;

/** What the jobs have in common: where clicks come from, where rows go, and what is told of the way. */
final class SparkJob {
  /** Each batch ends with a checkpoint: Guardian has one after 200,000 records of each of the four partitions. */
  private static final int RECORDS_PER_BATCH = 800_000;
  private static final String LOCALHOST = "127.0.0.1";
  /** One a thread; the threads stay. */
  private static final ThreadLocal<RowWriter> WRITERS = ThreadLocal.withInitial(RowWriter::new);

  /** One query, from clicks to rows. */
  interface Query {
    Dataset<AnomalyRow> rows(Dataset<Row> clicks);
  }

  private SparkJob() {}

  /** Runs a query until the process is ended. */
  static void run(OutputMode mode, Query query) {
    try {
      SparkSession spark = SparkSession.builder()
          .appName("guardian-bench")
          .master("local[" + Settings.THREADS + "]")
          .config(settings())
          .getOrCreate();
      spark.streams().addListener(new BatchCounter());
      Progress.tell();
      query.rows(clicks(spark)).writeStream()
          .outputMode(mode)
          .option("checkpointLocation", "file://" + Settings.FOLDER + "/checkpoints")
          .foreachBatch((VoidFunction2<Dataset<AnomalyRow>, Long>) (batch, id) ->
              batch.foreachPartition((ForeachPartitionFunction<AnomalyRow>) SparkJob::write))
          .start()
          .awaitTermination();
    } catch (Exception e) {
      e.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  private static Map<String, Object> settings() {
    return Map.of(
        "spark.ui.enabled", false,
        "spark.driver.host", LOCALHOST,
        "spark.driver.bindAddress", LOCALHOST,
        "spark.local.dir", Settings.FOLDER + "/shuffles",
        "spark.sql.shuffle.partitions", Settings.THREADS,
        "spark.sql.streaming.stateStore.providerClass", HDFSBackedStateStoreProvider.class.getName(),
        // Sets of items are kept in a hash table for as many groups as a batch has; by itself Spark begins to sort at 128.
        "spark.sql.objectHashAggregate.sortBased.fallbackThreshold", 10_000_000);
  }

  /** With the event time as `at`, by which the watermark goes. */
  private static Dataset<Row> clicks(SparkSession spark) {
    return spark.readStream()
        .format("kafka")
        .option("kafka.bootstrap.servers", Settings.BROKERS)
        .option("subscribe", Settings.TOPIC)
        .option("groupIdPrefix", Settings.GROUP)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", RECORDS_PER_BATCH)
        .option("kafka.fetch.max.bytes", Settings.FETCH_MAX_BYTES)
        .option("kafka.max.partition.fetch.bytes", Settings.FETCH_MAX_BYTES_PER_PARTITION)
        .option("kafka.max.poll.records", Settings.MAX_POLL_RECORDS)
        .load()
        .select("value")
        .as(Encoders.BINARY())
        .mapPartitions(new DecodeClicks(), Encoders.bean(SessionClickBean.class))
        .withColumn("at", functions.expr("timestamp_millis(eventMs)"))
        .withWatermark("at", Rule.LATENESS_MS + " milliseconds");
  }

  private static void write(Iterator<AnomalyRow> rows) {
    RowWriter writer = WRITERS.get();
    rows.forEachRemaining(writer::add);
    writer.write();
  }

  /** Counts the records of a micro-batch when its rows are written and its checkpoint is complete. */
  private static final class BatchCounter extends StreamingQueryListener {
    private final Progress.Counter processed = Progress.counter();

    @Override
    public void onQueryStarted(QueryStartedEvent event) {}

    @Override
    public void onQueryProgress(QueryProgressEvent event) {
      processed.add(event.progress().numInputRows());
    }

    @Override
    public void onQueryTerminated(QueryTerminatedEvent event) {}
  }
}
