package guardian.bench;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;

import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.MetadataBuilder;

/**
 * Spark Structured Streaming with its own operators: one query that drops duplicates, then counts clicks by session and
 * window. Several such operators in one query give a window out when it has closed, and not before (append mode), so that
 * no row is ever `open`.
 */
public final class SparkWindows {
  /** Each click with the windows that hold it: one of HIGH_FREQUENCY, six of BOT_LIKE. */
  private static final String WINDOWS = """
      explode(concat(
        array(struct('HIGH_FREQUENCY' AS rule, pane AS start, pane + 1 AS end)),
        transform(sequence(0, 5), k -> struct('BOT_LIKE' AS rule, pane - k AS start, pane - k + 6 AS end))))""";
  private static final String FLAGGED =
      "(rule = 'HIGH_FREQUENCY' AND events >= 50) OR (rule = 'BOT_LIKE' AND events >= 120 AND size(items) <= 3)";
  /** How Spark knows a column that the watermark goes by: what a `window` column has, of which a query can have one only. */
  private static final Metadata BY_WATERMARK =
      new MetadataBuilder().putLong("spark.watermarkDelayMs", Rule.LATENESS_MS).build();

  private SparkWindows() {}

  public static void main(String[] args) {
    SparkJob.run(OutputMode.Append(), SparkWindows::rows);
  }

  private static Dataset<AnomalyRow> rows(Dataset<Row> clicks) {
    Column endAt = expr("timestamp_millis(window.end * 10000)").as("endAt", BY_WATERMARK);
    return clicks
        .dropDuplicatesWithinWatermark(new String[] {"idHigh", "idLow"})
        .withColumn("pane", expr("eventMs div 10000"))
        .select(col("sessionId"), expr("nullif(item, 0L)").as("item"), expr(WINDOWS).as("window"))
        .select(col("sessionId"), col("item"), col("window.rule"), col("window.start"), endAt)
        .groupBy("sessionId", "rule", "start", "endAt")
        .agg(expr("count(*)").as("events"), expr("collect_set(item)").as("items"))
        .where(FLAGGED)
        .selectExpr("sessionId", "rule", "start", "events", "size(items) AS items")
        .map((MapFunction<Row, AnomalyRow>) SparkWindows::row, Encoders.kryo(AnomalyRow.class));
  }

  private static AnomalyRow row(Row row) {
    Rule rule = Rule.valueOf(row.getString(1));
    return new AnomalyRow(row.getString(0), rule, row.getLong(2), (int) row.getLong(3), row.getInt(4), "confirmed");
  }
}
