import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Manifest } from '../../cli/simulate/manifest.js'
import { packageRoot } from '../../platform/package-root.js'
import { waitUntil } from '../support/child-process.js'
import { DetectionStage } from '../support/detection-stage.js'
import { useTestStack } from '../support/stack.js'

describe('the live demo', function () {
  this.timeout(120_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage

  before(async () => {
    stage = await DetectionStage.open(servers())
  })
  after(() => stage.close())

  it('has its first anomaly in its first ten seconds, and ends on Ctrl-C with its manifest and code 0', async () => {
    const detector = stage.startDetector()
    const file = stage.file('manifest.json')
    const script = join(packageRoot, 'dist', 'cli', 'main.js')
    const args = [script, 'simulate', '--live', '--rate', '200', '--manifest', file, '--json']
    const child = spawn(process.execPath, args, { env: { ...process.env, ...stage.env } })
    const startedAt = performance.now()
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
    try {
      await waitUntil(
        () => `no anomaly; the detector said ${detector.output}, the simulator ${stderr}`,
        30_000,
        async () => (await stage.rows()).length > 0,
        20,
      )
    } finally {
      child.kill('SIGINT')
    }
    const seconds = (performance.now() - startedAt) / 1_000
    assert.equal(await exited, 0, stderr)
    const manifest = JSON.parse(await readFile(file, 'utf8')) as Manifest
    const document = JSON.parse(stdout) as { records: number }
    console.log(`      first row ${seconds.toFixed(1)} s after the start of the process; ${document.records} records`)
    assert.equal(document.records, manifest.records)
    const ends = await stage.logEnds()
    const produced = Object.entries(manifest.produced).flatMap(([topic, counts]) =>
      Object.entries(counts).map(([partition, count]) => [`${topic}/${partition}`, count] as const),
    )
    assert.deepEqual(
      Object.fromEntries(produced),
      Object.fromEntries([...ends].filter(([, end]) => end > 0)),
      'the manifest counts what Kafka has, partition by partition',
    )
    const rate = manifest.records / ((Date.now() - Date.parse(manifest.start)) / 1_000)
    assert.ok(rate < 280, `${rate} records/s are more than were asked for`)
    const [first] = await stage.rows()
    // In event time: how long the machine takes to start processes is not the demo's to promise.
    const crossedAfterMs = (first?.produced_ts ?? Infinity) - Date.parse(manifest.start)
    assert.ok(crossedAfterMs < 10_000, `the first anomaly is ${crossedAfterMs} ms into the demo`)
    const planted = manifest.abnormalSessions.find(({ session_id }) => session_id === first?.session_id)
    assert.equal(planted?.kind, 'scraper')
    await stage.finish(detector, ends)
  })
})
