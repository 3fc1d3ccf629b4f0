package guardian.bench;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/** Tells the bench, on standard output and twenty times a second, how many records have been processed. */
public final class Progress {
  private static final long EVERY_MS = 50;
  private static final List<Counter> COUNTERS = new CopyOnWriteArrayList<>();

  /** Counts for one thread; others may look. */
  public static final class Counter {
    private final AtomicLong count = new AtomicLong();

    public void increment() {
      add(1);
    }

    public void add(long records) {
      count.lazySet(count.getPlain() + records);
    }
  }

  private Progress() {}

  public static Counter counter() {
    Counter counter = new Counter();
    COUNTERS.add(counter);
    return counter;
  }

  public static void tell() {
    Thread teller = new Thread(Progress::tellOn, "progress");
    teller.setDaemon(true);
    teller.start();
  }

  private static void tellOn() {
    try {
      for (long told = 0;; Thread.sleep(EVERY_MS)) {
        long records = COUNTERS.stream().mapToLong(counter -> counter.count.get()).sum();
        if (records != told) System.out.println("{\"records\":" + records + "}");
        told = records;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
