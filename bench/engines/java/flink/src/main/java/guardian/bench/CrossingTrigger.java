package guardian.bench;

import org.apache.flink.streaming.api.windowing.triggers.Trigger;
import org.apache.flink.streaming.api.windowing.triggers.TriggerResult;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;

/**
 * Has every event looked at, and the end of its window. What reaches the rule's count is told from the window's own counts:
 * a count of the trigger's would be a second entry of state for each window, and there are seven of them for each event. The
 * timer at the end is the window operator's, which it needs to forget the window.
 */
final class CrossingTrigger extends Trigger<ClickFields, TimeWindow> {
  private static final long serialVersionUID = 2;

  @Override
  public TriggerResult onElement(ClickFields click, long eventMs, TimeWindow window, TriggerContext context) {
    return TriggerResult.FIRE;
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
    // It keeps nothing.
  }
}
