/** A count is read again when it is older than this: a topic can be given partitions at any time. */
const FRESH_MS = 10_000

interface Count {
  readonly partitions: number
  readonly readAtMs: number
}

/**
 * How many partitions each topic has. While a count is read again, the one before is used; for as long as Kafka does not
 * answer, too. After an expansion, a producer uses the new count within seconds, and not only after a restart: until every producer
 * does, one session is on two partitions.
 */
export class PartitionCounts {
  readonly #read: (topic: string) => Promise<number>
  readonly #nowMs: () => number
  readonly #counts = new Map<string, Count>()
  readonly #reading = new Map<string, Promise<number>>()

  /**
   * @param read asks Kafka
   * @param nowMs a clock that never goes back
   */
  constructor(read: (topic: string) => Promise<number>, nowMs: () => number = () => performance.now()) {
    this.#read = read
    this.#nowMs = nowMs
  }

  /** @throws what `read` throws, when the topic has never been read */
  async of(topic: string): Promise<number> {
    const known = this.known(topic)
    return known ?? (await this.#refresh(topic))
  }

  /** The count that is known, which is being read again when it is old; undefined before the first time. */
  known(topic: string): number | undefined {
    const count = this.#counts.get(topic)
    if (count && this.#nowMs() - count.readAtMs >= FRESH_MS) void this.#refresh(topic).catch(() => undefined)
    return count?.partitions
  }

  #refresh(topic: string): Promise<number> {
    const under = this.#reading.get(topic)
    if (under) return under
    const reading = this.#read(topic)
      .then((partitions) => {
        this.#counts.set(topic, { partitions, readAtMs: this.#nowMs() })
        return partitions
      })
      .finally(() => this.#reading.delete(topic))
    this.#reading.set(topic, reading)
    return reading
  }
}
