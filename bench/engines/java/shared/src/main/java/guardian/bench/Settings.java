package guardian.bench;

/** What the bench says in the environment, and what all engines have in common. */
public final class Settings {
  public static final String TOPIC = required("BENCH_TOPIC");
  public static final String BROKERS = required("KAFKA_BROKERS");
  public static final String REGISTRY_URL = required("SCHEMA_REGISTRY_URL");
  public static final String JDBC_URL = required("BENCH_JDBC_URL");
  public static final String JDBC_USER = required("BENCH_JDBC_USER");
  public static final String JDBC_PASSWORD = required("BENCH_JDBC_PASSWORD");
  public static final String TABLE = required("BENCH_TABLE");
  /** The name that Kafka knows this run by. */
  public static final String GROUP = required("BENCH_GROUP");
  /** A folder of its own for checkpoints and state. */
  public static final String FOLDER = required("BENCH_FOLDER");
  public static final String FETCH_MAX_BYTES = required("FETCH_MAX_BYTES");
  public static final String FETCH_MAX_BYTES_PER_PARTITION = required("FETCH_MAX_BYTES_PER_PARTITION");

  /**
   * Whether rows carry their evidence, as Guardian's do, are written again while their windows are open, and are told of
   * in CHANGES_TOPIC. Otherwise only keys, counts and status are kept.
   */
  public static final boolean EVIDENCE = Boolean.parseBoolean(required("BENCH_EVIDENCE"));
  public static final String CHANGES_TOPIC = required("BENCH_CHANGES_TOPIC");

  public static final int THREADS = 2;
  /** As CHECKPOINT_INTERVAL_MS of Guardian is, which has one after 200,000 records of a partition, too. */
  public static final int CHECKPOINT_EVERY_MS = 5_000;
  public static final int MAX_POLL_RECORDS = 5_000;
  public static final int ROWS_PER_WRITE = 500;
  public static final int WRITE_EVERY_MS = 50;
  /** As OPEN_ROW_REWRITE_MS of Guardian is. */
  static final int OPEN_ROW_REWRITE_MS = 1_000;
  /** As MAX_FUTURE_SKEW_MS of Guardian is: how far an event may be ahead of its log append time. */
  static final int MAX_AHEAD_MS = 300_000;

  private Settings() {}

  private static String required(String name) {
    String value = System.getenv(name);
    if (value == null || value.isEmpty()) throw new IllegalStateException(name + " is not set");
    return value;
  }
}
