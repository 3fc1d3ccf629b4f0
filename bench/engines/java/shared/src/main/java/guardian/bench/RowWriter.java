package guardian.bench;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;

/** Upserts rows in batches, for an engine that has no sink of its own. Not safe for several threads. */
public final class RowWriter {
  private final Connection connection;
  private final PreparedStatement upsert;
  private int waiting;

  public RowWriter() {
    try {
      connection = DriverManager.getConnection(Settings.JDBC_URL, Settings.JDBC_USER, Settings.JDBC_PASSWORD);
      connection.setAutoCommit(false);
      upsert = connection.prepareStatement(AnomalyRow.upsert(Settings.TABLE));
    } catch (SQLException e) {
      throw new IllegalStateException("PostgreSQL cannot be reached", e);
    }
  }

  public void add(AnomalyRow row) {
    try {
      row.bind(upsert);
      upsert.addBatch();
    } catch (SQLException e) {
      throw new IllegalStateException("a row cannot be bound", e);
    }
    if (++waiting >= Settings.ROWS_PER_WRITE) write();
  }

  /** Returns when all rows are committed. */
  public void write() {
    if (waiting == 0) return;
    try {
      upsert.executeBatch();
      connection.commit();
    } catch (SQLException e) {
      throw new IllegalStateException("rows cannot be written", e);
    }
    waiting = 0;
  }
}
