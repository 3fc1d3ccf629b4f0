package guardian.bench;

import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Flink with one hand-written operator. */
public final class FlinkPanes {
  private FlinkPanes() {}

  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment env = FlinkJob.environment();
    ClickSource.in(env)
        .keyBy(click -> click.sessionId, Types.STRING)
        .process(new PaneFunction(), Types.POJO(AnomalyRow.class))
        .sinkTo(FlinkJob.rows());
    Progress.tell();
    env.execute("panes");
  }
}
