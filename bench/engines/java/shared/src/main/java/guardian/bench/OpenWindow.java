package guardian.bench;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** A window that has crossed its rule, until the watermark has passed its end. */
final class OpenWindow {
  final Rule rule;
  final long startPane;
  /** Null without evidence. */
  final Crossing crossing;

  OpenWindow(Rule rule, long startPane, Crossing crossing) {
    this.rule = rule;
    this.startPane = startPane;
    this.crossing = crossing;
  }

  long endMs() {
    return (startPane + rule.panes) * Rule.PANE_MS;
  }

  boolean holds(Pane pane) {
    return holds(pane.number);
  }

  boolean holds(long pane) {
    return pane >= startPane && pane < startPane + rule.panes;
  }

  OpenWindow copy() {
    return crossing == null ? this : new OpenWindow(rule, startPane, crossing.copy());
  }

  void write(DataOutput out) throws IOException {
    out.writeByte(rule.ordinal());
    out.writeLong(startPane);
    if (Settings.EVIDENCE) crossing.write(out);
  }

  static OpenWindow read(DataInput in) throws IOException {
    return new OpenWindow(Rule.ALL[in.readByte()], in.readLong(), Settings.EVIDENCE ? Crossing.read(in) : null);
  }
}
