package guardian.bench;

import java.time.Duration;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;

/** Flink with its own window operators, after one exchange and a function that drops duplicates. */
public final class FlinkWindows {
  private static final Duration PANE = Duration.ofMillis(Rule.PANE_MS);

  private FlinkWindows() {}

  public static void main(String[] args) throws Exception {
    StreamExecutionEnvironment env = FlinkJob.environment();
    KeySelector<ClickFields, String> session = click -> click.sessionId;
    DataStream<ClickFields> once = ClickSource.in(env)
        .keyBy(session, Types.STRING)
        .process(new DropDuplicates(), ClickFieldsSerializer.TYPE);
    KeyedStream<ClickFields, String> sessions = DataStreamUtils.reinterpretAsKeyedStream(once, session, Types.STRING);
    DataStream<AnomalyRow> rows = rows(sessions, Rule.HIGH_FREQUENCY, TumblingEventTimeWindows.of(PANE))
        .union(rows(sessions, Rule.BOT_LIKE, SlidingEventTimeWindows.of(PANE.multipliedBy(Rule.BOT_LIKE.panes), PANE)));
    rows.sinkTo(FlinkJob.rows());
    Progress.tell();
    env.execute("windows");
  }

  private static DataStream<AnomalyRow> rows(
      KeyedStream<ClickFields, String> sessions, Rule rule, WindowAssigner<Object, TimeWindow> windows) {
    return sessions.window(windows)
        .trigger(new CrossingTrigger())
        .aggregate(
            new CountWindow(rule),
            new DescribeWindow(rule),
            WindowCountsSerializer.TYPE,
            WindowCountsSerializer.TYPE,
            Types.POJO(AnomalyRow.class));
  }
}
