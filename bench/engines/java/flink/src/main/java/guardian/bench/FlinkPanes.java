package guardian.bench;

import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Flink with one hand-written operator. */
public final class FlinkPanes {
  private FlinkPanes() {}

  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment env = FlinkJob.environment();
    DataStream<AnomalyRow> rows = ClickSource.in(env)
        .keyBy(click -> click.sessionId, Types.STRING)
        .process(new PaneFunction(), Types.POJO(AnomalyRow.class));
    rows.sinkTo(FlinkJob.rows());
    if (Settings.EVIDENCE) rows.sinkTo(FlinkJob.changes());
    Progress.tell();
    env.execute("panes");
  }
}
