package guardian.bench;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;

/** Texts that may be null, in state. */
public final class Texts {
  private Texts() {}

  public static void write(DataOutput out, String text) throws IOException {
    out.writeBoolean(text != null);
    if (text != null) out.writeUTF(text);
  }

  public static String read(DataInput in) throws IOException {
    return in.readBoolean() ? in.readUTF() : null;
  }
}
