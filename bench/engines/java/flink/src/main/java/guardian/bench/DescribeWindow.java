package guardian.bench;

import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Rows of a window, asked at each of its events and at its end: `open` at the crossing, `confirmed` or `retracted` at the end. */
final class DescribeWindow extends ProcessWindowFunction<WindowCounts, AnomalyRow, String, TimeWindow> {
  private static final long serialVersionUID = 1;

  private final Rule rule;
  private final ValueStateDescriptor<Boolean> raised = new ValueStateDescriptor<>("raised", Types.BOOLEAN);

  DescribeWindow(Rule rule) {
    this.rule = rule;
  }

  @Override
  public void process(String session, Context context, Iterable<WindowCounts> all, Collector<AnomalyRow> out)
      throws Exception {
    WindowCounts counts = all.iterator().next();
    TimeWindow window = context.window();
    if (counts.events < rule.minEvents) return;
    boolean ends = context.currentWatermark() >= window.maxTimestamp();
    if (!ends && counts.events > rule.minEvents) return;
    boolean holds = rule.holds(counts.events, counts.itemCount);
    ValueState<Boolean> state = context.windowState().getState(raised);
    if (!holds && state.value() == null) return;
    if (!ends) state.update(true);
    String status = !ends ? "open" : holds ? "confirmed" : "retracted";
    long startPane = window.getStart() / Rule.PANE_MS;
    out.collect(new AnomalyRow(session, rule, startPane, counts.events, counts.itemCount, status));
  }

  @Override
  public void clear(Context context) {
    context.windowState().getState(raised).clear();
  }
}
