import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageRoot } from '../../../platform/package-root.js'
import { PRODUCT, type Code } from '../../simulation/code.js'
import { simulate } from '../../simulation/simulate.js'

const SEEDS = 2_000
const RUNTIME = 'workers/partitions/partition-runtime.js'

/** Defects that the product once had, as changes of its compiled code. */
const PLANTED: readonly {
  readonly defect: string
  readonly file: string
  readonly from: string
  readonly to: string
}[] = [
  {
    defect: 'a recreated topic is not noticed while a process runs (13)',
    file: RUNTIME,
    from: 'fetched.highWatermark >= Math.max(known.highWatermark, known.nextOffset)',
    to: 'true',
  },
  {
    defect: 'a recreated topic is not noticed before the first fetch of an owner (seed 655)',
    file: RUNTIME,
    from: 'Math.max(known.highWatermark, known.nextOffset)',
    to: 'known.highWatermark',
  },
  {
    defect: 'the end of the log is read before the epoch is raised (14)',
    file: 'workers/log-positions.js',
    from: 'const taken = await take((await log.offsetsOf(name)).low);\n    const offsets = await log.offsetsOf(name);',
    to: 'const offsets = await log.offsetsOf(name);\n    const taken = await take(offsets.low);',
  },
  {
    defect: 'a partition that was revoked while it was acquired is kept (15)',
    file: RUNTIME,
    from: 'const owner = await this.#port.acquire(name);\n            if (this.#isWanted(name)) {',
    to: 'const owner = await this.#port.acquire(name);\n            if (true) {',
  },
  {
    defect: 'the last commit joins one that is under way (16)',
    file: RUNTIME,
    from: 'if (!owner.isLost && owner.hasNews)',
    to: 'if (false)',
  },
]

async function planted({ file, from, to }: (typeof PLANTED)[number], at: number): Promise<Code> {
  const path = join(packageRoot, 'dist', file)
  const text = readFileSync(path, 'utf8')
  assert.equal(text.split(from).length, 2, `${file} has ${text.split(from).length - 1} times: ${from}`)
  const copy = path.replace(/\.js$/, `.planted-${at}-${process.pid}.js`)
  writeFileSync(copy, text.replace(from, to))
  try {
    return { ...PRODUCT, ...((await import(pathToFileURL(copy).href)) as Partial<Code>) }
  } finally {
    rmSync(copy)
  }
}

describe('the partition runtime, simulated', function () {
  this.timeout(120_000)

  it(`stores every record once, whatever happens, in ${SEEDS} runs`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violations } = await simulate(seed)
      assert.deepEqual(violations, [], `npm run simulate -- --seed ${seed}`)
    }
  })

  it('is determined by the seed', async () => {
    assert.deepEqual(await simulate(42), await simulate(42))
    assert.notDeepEqual((await simulate(42)).timeline, (await simulate(43)).timeline)
  })

  for (const [at, plant] of PLANTED.entries())
    it(`finds within ${SEEDS} runs: ${plant.defect}`, async () => {
      const code = await planted(plant, at)
      for (let seed = 1; seed <= SEEDS; seed++)
        if ((await simulate(seed, code)).violations.length > 0) {
          console.log(`      found by seed ${seed}`)
          return
        }
      assert.fail('not found')
    })
})
