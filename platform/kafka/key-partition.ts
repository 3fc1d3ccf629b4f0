const MIXER = 0x5bd1e995

/**
 * The partition that a key goes to: murmur2 of its bytes, as in the Java client's default partitioner, so that every
 * producer of a topic puts a session on the same partition.
 * @param partitions how many the topic has, at least 1
 */
export function keyPartition(key: string, partitions: number): number {
  const { buffer, byteOffset, byteLength } = Buffer.from(key)
  return hashPartition(keyHash(new DataView(buffer, byteOffset, byteLength), 0, byteLength), partitions)
}

/** The partition of a key by its hash. */
export const hashPartition = (hash: number, partitions: number): number => (hash & 0x7fffffff) % partitions

/** The same hash of bytes that lie four to a word, little endian; those of the last word behind `length` are zero. */
export function keyHashOfWords(words: Int32Array, length: number): number {
  let hash = 0x9747b28c ^ length
  const whole = length >>> 2
  for (let i = 0; i < whole; i++) {
    const word = Math.imul(words[i] ?? 0, MIXER)
    hash = Math.imul(hash, MIXER) ^ Math.imul(word ^ (word >>> 24), MIXER)
  }
  if ((length & 3) !== 0) hash = Math.imul(hash ^ (words[whole] ?? 0), MIXER)
  hash = Math.imul(hash ^ (hash >>> 13), MIXER)
  return hash ^ (hash >>> 15)
}

/** MurmurHash2 of bytes `from` to before `to`: 32 bits, little endian, with the seed that Kafka uses. */
export function keyHash(bytes: DataView, from: number, to: number): number {
  const length = to - from
  let hash = 0x9747b28c ^ length
  const whole = from + (length & ~3)
  for (let at = from; at < whole; at += 4) {
    let word = Math.imul(bytes.getInt32(at, true), MIXER)
    word = Math.imul(word ^ (word >>> 24), MIXER)
    hash = Math.imul(hash, MIXER) ^ word
  }
  if (to > whole) {
    for (let at = whole; at < to; at++) hash ^= bytes.getUint8(at) << (8 * (at - whole))
    hash = Math.imul(hash, MIXER)
  }
  hash = Math.imul(hash ^ (hash >>> 13), MIXER)
  return hash ^ (hash >>> 15)
}
