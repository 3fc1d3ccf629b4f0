/**
 * The partition that a key goes to: murmur2 of its bytes, as in the Java client's default partitioner, so that every
 * producer of a topic puts a session on the same partition.
 * @param partitions how many the topic has, at least 1
 */
export function keyPartition(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions
}

/** MurmurHash2, 32 bits, little endian, with the seed that Kafka uses. */
function murmur2(bytes: Buffer): number {
  const mixer = 0x5bd1e995
  let hash = 0x9747b28c ^ bytes.length
  const whole = bytes.length & ~3
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), mixer)
    word = Math.imul(word ^ (word >>> 24), mixer)
    hash = Math.imul(hash, mixer) ^ word
  }
  if (bytes.length > whole) {
    for (let at = whole; at < bytes.length; at++) hash ^= bytes.readUInt8(at) << (8 * (at - whole))
    hash = Math.imul(hash, mixer)
  }
  hash = Math.imul(hash ^ (hash >>> 13), mixer)
  return hash ^ (hash >>> 15)
}
