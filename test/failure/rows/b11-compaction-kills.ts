import { waitUntil } from '../../support/child-process.js'
import { CompactionStage } from '../compaction-stage.js'
import { shortenTimeouts } from '../kpi-stage.js'
import { patchedCopy, type Patch, type PatchedCopy } from '../patched-copy.js'
import type { Row, RowSettings } from '../row.js'

const crashAt = (point: string) =>
  `if (process.env.CRASH_AT === '${point}') { process.kill(process.pid, 'SIGKILL'); await new Promise(() => undefined); } `
const ACTIVITIES = 'activities/compaction/compaction-activities.js'
const FILE = 'platform/object-storage/file-storage.js'
const [S3, UPLOAD] = ['platform/object-storage/s3-storage.js', 'platform/object-storage/s3-upload.js']

const before = (file: string, text: string, point: string): Patch => ({ file, from: text, to: crashAt(point) + text })
const after = (file: string, text: string, point: string): Patch => ({ file, from: text, to: text + crashAt(point) })

/** Where the orchestrator is killed: between any two steps that somebody else can see. */
const PATCHES: readonly Patch[] = [
  before(ACTIVITIES, 'const merged = await storage.withFiles(', 'not written yet'),
  before(ACTIVITIES, 'const { bytes } = await storage.put(scratch, path);', 'written, not put'),
  before(FILE, 'await rename(scratchFile, path);', 'synced, not renamed'),
  after(FILE, 'await rename(scratchFile, path);', 'renamed, folder not synced'),
  // A small file is sent in parts, too, in the copy that is to be killed between them.
  {
    file: UPLOAD,
    from: 'if (size <= this.#settings.partBytes)',
    to: "if (process.env.CRASH_AT !== 'parts sent, not completed')",
  },
  before(UPLOAD, 'await this.#client.send(new CompleteMultipartUploadCommand(', 'parts sent, not completed'),
  after(S3, 'const bytes = await uploads.send(scratchFile, keyOf(key));', 'sent, scratch still there'),
  after(ACTIVITIES, 'const { bytes } = await storage.put(scratch, path);', 'put, not named'),
  before('db/stores/archive-compaction.js', 'if (!isWhole)', 'in the transaction'),
  after(ACTIVITIES, 'await deps.supersedeFiles(file);', 'named'),
  {
    file: ACTIVITIES,
    from: 'if (!named.has(key))\n            await storage.remove(key);',
    to: `if (!named.has(key)) { await storage.remove(key); ${crashAt('cleaning up')}}`,
  },
  after(ACTIVITIES, 'await deps.storage.remove(path);', 'a part removed'),
  before(ACTIVITIES, 'await deps.forgetSuperseded(paths);', 'parts removed, not forgotten'),
  after(ACTIVITIES, 'await deps.forgetSuperseded(paths);', 'parts forgotten'),
]

/** Killed at each of these, one orchestrator after the other. */
type Trial = readonly string[]

const EVERYWHERE: readonly Trial[] = [
  ['not written yet'],
  ['written, not put'],
  ['put, not named'],
  ['put, not named', 'cleaning up'],
  ['in the transaction'],
  ['named'],
  ['a part removed'],
  ['parts removed, not forgotten', 'parts forgotten'],
]
const TRIALS: Readonly<Record<'file' | 's3', readonly Trial[]>> = {
  file: [['synced, not renamed'], ['renamed, folder not synced'], ...EVERYWHERE],
  s3: [['parts sent, not completed'], ['sent, scratch still there'], ...EVERYWHERE],
}
const QUICK: typeof TRIALS = { file: [['put, not named', 'cleaning up']], s3: [['parts sent, not completed']] }
/** Only what was put together before can be removed. */
const OF_REMOVAL = /parts? (removed|forgotten)/

interface Findings {
  readonly differences: string[]
  /** What kills have left, in all. */
  orphans: number
}

/** Kills the orchestrators of a run, and has one go on to the end; then another run clears up. */
async function live(stage: CompactionStage, copy: PatchedCopy, trial: Trial, { differences, orphans }: Findings) {
  let left = orphans
  await stage.fill()
  if (OF_REMOVAL.test(trial[0] ?? '')) {
    const first = await stage.orchestrator()
    await (await stage.begin()).result()
    await first.kill()
  }
  const run = await stage.begin()
  for (const point of trial) {
    const doomed = await stage.orchestrator(copy.root, point)
    await waitUntil(
      () => `it is not killed at "${point}":\n${doomed.output}`,
      60_000,
      () => Promise.resolve(!doomed.isRunning),
    )
    if ((await doomed.exited) !== null) differences.push(`at "${point}" it has ended by itself: ${doomed.output}`)
    differences.push(...(await stage.wrongRows(`killed at "${point}"`)))
    left += await stage.orphans()
  }
  const heir = await stage.orchestrator()
  try {
    await run.result()
    differences.push(...(await stage.wrongRows(`gone on after "${trial.join(', ')}"`)))
    await stage.settle()
    for (const line of [...(await stage.wrongRows('in the end')), ...(await stage.leftovers())])
      differences.push(`${trial.join(', ')}: ${line}`)
  } catch (error) {
    differences.push(
      `${trial.join(', ')}: ${error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error)}`,
    )
  } finally {
    await heir.kill()
  }
  return left
}

async function run({ quick, say }: RowSettings) {
  const trials = quick ? QUICK : TRIALS
  const copy = patchedCopy(PATCHES)
  const findings: Findings = { differences: [], orphans: 0 }
  let kills = 0
  try {
    shortenTimeouts(copy.root)
    for (const kind of ['file', 's3'] as const) {
      const stage = await CompactionStage.open(kind)
      try {
        for (const trial of trials[kind]) {
          findings.orphans = await live(stage, copy, trial, findings)
          kills += trial.length
          say(`${kind}: killed ${trial.join(', then ')}: ${findings.differences.length} differences so far`)
        }
      } finally {
        await stage.close()
      }
    }
    const { differences, orphans } = findings
    return {
      held: differences.length === 0 && orphans > 0,
      figure: `${kills} kills on a folder and on S3, ${orphans} files left by them and removed, ${differences.length} differences`,
      configuration: { points: new Set(Object.values(trials).flat(2)).size, filesOfTheDay: 12 },
      differences,
    }
  } finally {
    copy.remove()
  }
}

export const row: Row = {
  id: 'B11',
  fault:
    '`kill -9` of the orchestrator between any two steps of putting files of the archive together, and of removing what was put together, on a folder and on S3',
  invariant:
    'after each kill and in the end the manifest gives every row that was archived, once, with all its columns; another orchestrator goes on, and in the end no file is there that no row names',
  quick: true,
  patches: PATCHES,
  run,
}
