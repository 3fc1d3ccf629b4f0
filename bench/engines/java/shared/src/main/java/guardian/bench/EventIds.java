package guardian.bench;

import java.util.UUID;

/** Event ids: UUIDs as they are usually written are two longs, read without making a text of them. */
final class EventIds {
  private static final int LENGTH = 36;
  private static final int BITS_PER_DIGIT = 4;

  private EventIds() {}

  /** An event id as it was written. @param text what it is when it is no UUID, else null */
  static String textOf(long high, long low, String text) {
    return text != null ? text : new UUID(high, low).toString();
  }

  /** Fills `idHigh` and `idLow` with the bits of a lower-case UUID. @return false when the text is none */
  static boolean readUuid(byte[] text, int length, ClickFields click) {
    if (length != LENGTH) return false;
    long high = 0;
    long low = 0;
    for (int at = 0; at < LENGTH; at++) {
      int c = text[at];
      if (at == 8 || at == 13 || at == 18 || at == 23) {
        if (c != '-') return false;
        continue;
      }
      int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) return false;
      if (at < 18) high = high << BITS_PER_DIGIT | digit;
      else low = low << BITS_PER_DIGIT | digit;
    }
    click.idHigh = high;
    click.idLow = low;
    return true;
  }
}
