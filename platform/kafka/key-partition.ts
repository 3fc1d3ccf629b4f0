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

/** MurmurHash2 of bytes `from` to before `to`: 32 bits, little endian, with the seed that Kafka uses. */
export function keyHash(bytes: DataView, from: number, to: number): number {
  const mixer = 0x5bd1e995
  const length = to - from
  let hash = 0x9747b28c ^ length
  const whole = from + (length & ~3)
  for (let at = from; at < whole; at += 4) {
    let word = Math.imul(bytes.getInt32(at, true), mixer)
    word = Math.imul(word ^ (word >>> 24), mixer)
    hash = Math.imul(hash, mixer) ^ word
  }
  if (to > whole) {
    for (let at = whole; at < to; at++) hash ^= bytes.getUint8(at) << (8 * (at - whole))
    hash = Math.imul(hash, mixer)
  }
  hash = Math.imul(hash ^ (hash >>> 13), mixer)
  return hash ^ (hash >>> 15)
}
