package guardian.bench;

/** Texts as 64 bits, so that state holds numbers and no strings. */
final class Hash {
  private static final long FACTOR = 0x9E3779B97F4A7C15L;

  private Hash() {}

  static long of(byte[] bytes, int length, long seed) {
    long hash = seed ^ length;
    for (int i = 0; i < length; i++) hash = (hash ^ bytes[i]) * FACTOR;
    hash = (hash ^ (hash >>> 32)) * FACTOR;
    return hash ^ (hash >>> 29);
  }
}
