import avsc from 'avsc'

/** avsc's place in the bytes of a value; each decoding has one of its own. */
interface Tap {
  readonly buf: Uint8Array
  pos: number
  readLong(): number
  skipLong(): void
  readString(): string
  skipString(): void
}

interface Item {
  _read(tap: Tap): unknown
  _skip(tap: Tap): void
}

interface Blocks {
  _read: (this: { itemsType: Item; valuesType: Item }, tap: Tap) => unknown
  _skip: (this: { itemsType: Item; valuesType: Item }, tap: Tap) => void
}

/** Items that the arrays and maps of one value have had so far. */
const itemsSeen = new WeakMap<Tap, number>()
let isInstalled = false

/**
 * Has avsc hold what arrays and maps say of themselves against the bytes that there are: all of a value have at most as many
 * items as it has bytes, and the length of a block leads forwards. avsc takes any count and any length at its word: a
 * record of a few bytes, of a schema that anybody has given a list, would keep a process busy for days, and with it its
 * partition. Such a value throws instead.
 */
export function boundBlocks(): void {
  if (isInstalled) return
  isInstalled = true
  const { ArrayType, MapType } = avsc.types as unknown as Record<'ArrayType' | 'MapType', { prototype: Blocks }>
  Object.assign(ArrayType.prototype, {
    _read(tap) {
      const items: unknown[] = []
      eachItem(tap, false, () => items.push(this.itemsType._read(tap)))
      return items
    },
    _skip(tap) {
      eachItem(tap, true, () => this.itemsType._skip(tap))
    },
  } satisfies Blocks)
  Object.assign(MapType.prototype, {
    _read(tap) {
      const entries: [string, unknown][] = []
      eachItem(tap, false, () => entries.push([tap.readString(), this.valuesType._read(tap)]))
      return Object.fromEntries(entries)
    },
    _skip(tap) {
      eachItem(tap, true, () => {
        tap.skipString()
        this.valuesType._skip(tap)
      })
    },
  } satisfies Blocks)
}

/** Blocks of items until an empty one. A count below zero is followed by the length of its block, which can be leapt over. */
function eachItem(tap: Tap, mayLeap: boolean, take: () => void): void {
  for (let count = tap.readLong(); count !== 0; count = tap.readLong()) {
    if (count < 0 && mayLeap) {
      leap(tap, tap.readLong())
      continue
    }
    if (count < 0) tap.skipLong()
    const items = Math.abs(count)
    const seen = (itemsSeen.get(tap) ?? 0) + items
    if (!(seen <= tap.buf.length)) throw new RangeError('more items than the value has bytes')
    itemsSeen.set(tap, seen)
    for (let item = 0; item < items; item++) take()
  }
}

function leap(tap: Tap, bytes: number): void {
  if (!(bytes >= 0 && tap.pos + bytes <= tap.buf.length)) throw new RangeError('a block is longer than the value')
  tap.pos += bytes
}
