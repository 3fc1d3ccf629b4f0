package guardian.bench;

import java.util.Arrays;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.array.LongPrimitiveArraySerializer;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Lets each event id of a session through once; an id is kept until the watermark passes its event time. */
final class DropDuplicates extends KeyedProcessFunction<String, ClickFields, ClickFields> {
  private static final long serialVersionUID = 1;
  /** Two for the id, one for its event time. */
  private static final int WORDS = 3;

  private transient ValueState<long[]> state;
  private transient Progress.Counter processed;

  @Override
  public void open(OpenContext context) {
    state = getRuntimeContext().getState(new ValueStateDescriptor<>("ids", LongPrimitiveArraySerializer.INSTANCE));
    processed = Progress.counter();
  }

  @Override
  public void processElement(ClickFields click, Context context, Collector<ClickFields> out) throws Exception {
    processed.increment();
    if (click.eventMs < context.timerService().currentWatermark()) return;
    long[] ids = state.value();
    if (ids == null) {
      ids = new long[0];
      context.timerService().registerEventTimeTimer(click.eventMs + 1);
    }
    for (int at = 0; at < ids.length; at += WORDS) if (ids[at] == click.idHigh && ids[at + 1] == click.idLow) return;
    long[] more = Arrays.copyOf(ids, ids.length + WORDS);
    more[ids.length] = click.idHigh;
    more[ids.length + 1] = click.idLow;
    more[ids.length + 2] = click.eventMs;
    state.update(more);
    out.collect(click);
  }

  @Override
  public void onTimer(long timerMs, OnTimerContext context, Collector<ClickFields> out) throws Exception {
    long watermarkMs = context.timerService().currentWatermark();
    long[] kept = state.value().clone();
    int words = 0;
    long latestMs = 0;
    for (int at = 0; at < kept.length; at += WORDS) {
      if (kept[at + 2] < watermarkMs) continue;
      System.arraycopy(kept, at, kept, words, WORDS);
      words += WORDS;
      latestMs = Math.max(latestMs, kept[at + 2]);
    }
    if (words == 0) {
      state.clear();
      return;
    }
    state.update(Arrays.copyOf(kept, words));
    context.timerService().registerEventTimeTimer(latestMs + 1);
  }
}
