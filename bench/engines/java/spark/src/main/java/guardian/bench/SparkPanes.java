package guardian.bench;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.streaming.GroupStateTimeout;
import org.apache.spark.sql.streaming.OutputMode;

/** Spark Structured Streaming: one query with one arbitrary-stateful operator, written by hand. */
public final class SparkPanes {
  private SparkPanes() {}

  public static void main(String[] args) {
    SparkJob.run(OutputMode.Update(), SparkPanes::rows);
  }

  private static Dataset<AnomalyRow> rows(Dataset<Row> clicks) {
    return clicks
        .groupBy("sessionId")
        .as(Encoders.STRING(), Encoders.bean(ClickBean.class))
        .flatMapGroupsWithState(
            new SessionFunction(),
            OutputMode.Update(),
            Encoders.BINARY(),
            Encoders.kryo(AnomalyRow.class),
            GroupStateTimeout.EventTimeTimeout());
  }
}
