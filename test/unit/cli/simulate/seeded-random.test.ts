import assert from 'node:assert/strict'
import { Catalogue } from '../../../../cli/simulate/catalogue.js'
import { SeededRandom } from '../../../../cli/simulate/seeded-random.js'

describe('SeededRandom', () => {
  const draws = (...seeds: number[]) =>
    Array.from(
      { length: 5 },
      (
        (random) => () =>
          random.next32()
      )(new SeededRandom(...seeds)),
    )

  it('repeats with its seeds, and differs with any other', () => {
    assert.deepEqual(draws(1, 2), draws(1, 2))
    for (const other of [[1], [2, 1], [1, 3], [1, 2, 0], [1 + 2 ** 32, 2]])
      assert.notDeepEqual(draws(...other), draws(1, 2))
  })

  it('gives the same numbers in every release', () => {
    assert.deepEqual(draws(1), EXPECTED)
  })

  it('is even enough: 64,000 draws into 64 boxes', () => {
    const random = new SeededRandom(5)
    const boxes = new Array<number>(64).fill(0)
    for (let i = 0; i < 64_000; i++) {
      const box = random.whole(0, 63)
      boxes[box] = (boxes[box] ?? 0) + 1
    }
    const chiSquare = boxes.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0)
    assert.ok(chiSquare > 30 && chiSquare < 110, `chi-square ${chiSquare} of 63 degrees of freedom`)
  })

  it('makes lower-case UUIDs of version 4 that do not repeat', () => {
    const random = new SeededRandom(3)
    const ids = new Set<string>()
    for (let i = 0; i < 20_000; i++) {
      const id = random.uuid()
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      ids.add(id)
    }
    assert.equal(ids.size, 20_000)
  })

  it('waits for the mean that was asked for', () => {
    const random = new SeededRandom(9)
    let sum = 0
    for (let i = 0; i < 50_000; i++) sum += random.exponential(7)
    assert.ok(Math.abs(sum / 50_000 - 7) < 0.2)
  })
})

describe('Catalogue', () => {
  it("follows Zipf's law: the first item twice as often as the second, ten times as the tenth", () => {
    const random = new SeededRandom(4)
    const catalogue = new Catalogue(1_000, random)
    const asked = new Map<string, number>()
    for (let i = 0; i < 100_000; i++) {
      const { itemId } = catalogue.popular(random)
      asked.set(itemId, (asked.get(itemId) ?? 0) + 1)
    }
    const of = (rank: number) => asked.get(catalogue.at(rank - 1).itemId) ?? 0
    assert.ok(Math.abs(of(1) / of(2) - 2) < 0.15, `${of(1)} and ${of(2)}`)
    assert.ok(Math.abs(of(1) / of(10) - 10) < 1.2, `${of(1)} and ${of(10)}`)
  })
})

const EXPECTED = [3_964_480_225, 4_128_637_537, 4_003_362_234, 2_147_675_873, 3_363_783_764]
