package guardian.bench;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Both rules for one session, on panes; one timer per session, for whatever it needs next. */
final class PaneFunction extends KeyedProcessFunction<String, ClickFields, AnomalyRow> {
  private static final long serialVersionUID = 1;

  private transient ValueState<SessionPanes> state;
  private transient Progress.Counter processed;

  @Override
  public void open(OpenContext context) {
    state = getRuntimeContext().getState(new ValueStateDescriptor<>("panes", new SessionPanesSerializer()));
    processed = Progress.counter();
  }

  @Override
  public void processElement(ClickFields click, Context context, Collector<AnomalyRow> out) throws Exception {
    SessionPanes session = state.value();
    if (session == null) session = new SessionPanes();
    session.add(click, context.timerService().currentWatermark(), out::collect);
    long due = session.dueMs();
    if (due < session.timerMs) {
      context.timerService().registerEventTimeTimer(due);
      session.timerMs = due;
    }
    state.update(session);
    processed.increment();
  }

  @Override
  public void onTimer(long timerMs, OnTimerContext context, Collector<AnomalyRow> out) throws Exception {
    SessionPanes session = state.value();
    if (session == null || timerMs < session.timerMs) return;
    if (session.advance(context.getCurrentKey(), context.timerService().currentWatermark(), out::collect)) {
      state.clear();
      return;
    }
    session.timerMs = session.dueMs();
    context.timerService().registerEventTimeTimer(session.timerMs);
    state.update(session);
  }
}
