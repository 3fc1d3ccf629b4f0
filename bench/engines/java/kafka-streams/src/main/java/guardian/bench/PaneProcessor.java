package guardian.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/** Both rules for the sessions of one partition, on panes. */
final class PaneProcessor implements Processor<String, ClickFields, String, byte[]> {
  /** One a thread, so that whatever a commit of the thread covers has been written. */
  private static final ThreadLocal<RowWriter> WRITERS = ThreadLocal.withInitial(RowWriter::new);

  private final Progress.Counter processed = Progress.counter();
  /** Which sessions need something when; made anew from the store. */
  private final TreeMap<Long, List<String>> dues = new TreeMap<>();
  private ProcessorContext<String, byte[]> context;
  private KeyValueStore<String, SessionPanes> store;
  private RowWriter rows;
  private long committedMs = System.currentTimeMillis();

  @Override
  public void init(ProcessorContext<String, byte[]> context) {
    this.context = context;
    store = context.getStateStore(StreamsPanes.STORE);
    rows = WRITERS.get();
    try (KeyValueIterator<String, SessionPanes> all = store.all()) {
      while (all.hasNext()) {
        KeyValue<String, SessionPanes> entry = all.next();
        isDue(entry.key, entry.value.timerMs);
      }
    }
    context.schedule(Duration.ofMillis(Settings.WRITE_EVERY_MS), PunctuationType.WALL_CLOCK_TIME, this::write);
  }

  @Override
  public void process(Record<String, ClickFields> record) {
    ClickFields click = record.value();
    long before = dues.isEmpty() ? Long.MAX_VALUE : dues.firstKey();
    long watermarkMs = context.currentStreamTimeMs() - Rule.LATENESS_MS;
    SessionPanes session = store.get(click.sessionId);
    if (session == null) session = new SessionPanes();
    session.add(click, watermarkMs, this::accept);
    long dueMs = session.dueMs();
    if (dueMs < session.timerMs) {
      session.timerMs = dueMs;
      isDue(click.sessionId, dueMs);
    }
    store.put(click.sessionId, session);
    processed.increment();
    if (before <= watermarkMs) advance(watermarkMs);
  }

  private void isDue(String sessionId, long dueMs) {
    dues.computeIfAbsent(dueMs, ms -> new ArrayList<>()).add(sessionId);
  }

  private void advance(long watermarkMs) {
    while (!dues.isEmpty() && dues.firstKey() <= watermarkMs) {
      var due = dues.pollFirstEntry();
      for (String sessionId : due.getValue()) {
        SessionPanes session = store.get(sessionId);
        if (session == null || due.getKey() < session.timerMs) continue;
        if (session.advance(sessionId, watermarkMs, this::accept)) {
          store.delete(sessionId);
          continue;
        }
        session.timerMs = session.dueMs();
        isDue(sessionId, session.timerMs);
        store.put(sessionId, session);
      }
    }
  }

  private void accept(AnomalyRow row) {
    rows.add(row);
    if (Settings.EVIDENCE) context.forward(new Record<>(row.sessionId, row.toJson(), row.startMs));
  }

  /** Rows are in PostgreSQL before the commit that covers their records, which follows at once. */
  private void write(long nowMs) {
    rows.write();
    if (nowMs - committedMs < Settings.CHECKPOINT_EVERY_MS) return;
    context.commit();
    committedMs = nowMs;
  }

  @Override
  public void close() {
    rows.write();
  }
}
