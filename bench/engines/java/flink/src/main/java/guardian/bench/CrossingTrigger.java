package guardian.bench;

import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.windowing.triggers.Trigger;
import org.apache.flink.streaming.api.windowing.triggers.TriggerResult;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;

/** Fires when a window reaches its rule's count, and again at its end. */
final class CrossingTrigger extends Trigger<ClickFields, TimeWindow> {
  private static final long serialVersionUID = 1;

  private final int minEvents;
  private final ValueStateDescriptor<Integer> seen = new ValueStateDescriptor<>("seen", Types.INT);

  CrossingTrigger(int minEvents) {
    this.minEvents = minEvents;
  }

  @Override
  public TriggerResult onElement(ClickFields click, long eventMs, TimeWindow window, TriggerContext context)
      throws Exception {
    ValueState<Integer> state = context.getPartitionedState(seen);
    Integer before = state.value();
    if (before == null) context.registerEventTimeTimer(window.maxTimestamp());
    int events = before == null ? 1 : before + 1;
    state.update(events);
    return events == minEvents ? TriggerResult.FIRE : TriggerResult.CONTINUE;
  }

  @Override
  public TriggerResult onEventTime(long timeMs, TimeWindow window, TriggerContext context) {
    return timeMs == window.maxTimestamp() ? TriggerResult.FIRE : TriggerResult.CONTINUE;
  }

  @Override
  public TriggerResult onProcessingTime(long timeMs, TimeWindow window, TriggerContext context) {
    return TriggerResult.CONTINUE;
  }

  @Override
  public void clear(TimeWindow window, TriggerContext context) {
    context.getPartitionedState(seen).clear();
    context.deleteEventTimeTimer(window.maxTimestamp());
  }
}
