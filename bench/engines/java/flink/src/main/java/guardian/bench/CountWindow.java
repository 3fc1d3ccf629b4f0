package guardian.bench;

import org.apache.flink.api.common.functions.AggregateFunction;

/** Events and distinct items of a window. */
final class CountWindow implements AggregateFunction<ClickFields, WindowCounts, WindowCounts> {
  private static final long serialVersionUID = 1;

  private final int maxItems;

  CountWindow(Rule rule) {
    this.maxItems = rule.maxItems;
  }

  @Override
  public WindowCounts createAccumulator() {
    return new WindowCounts();
  }

  @Override
  public WindowCounts add(ClickFields click, WindowCounts counts) {
    counts.add(click.item, maxItems);
    return counts;
  }

  @Override
  public WindowCounts getResult(WindowCounts counts) {
    return counts;
  }

  @Override
  public WindowCounts merge(WindowCounts a, WindowCounts b) {
    throw new UnsupportedOperationException("these windows do not merge");
  }
}
