/* The figures of the bench's day on Spark in local mode, by the same queries. Given the question as JSON on standard input. */
import { readFileSync } from 'node:fs'
import type { DayQuestion } from '../../activities/kpi/kpi-engine.js'
import { findSparkSubmit, SparkEngine } from '../../activities/kpi/spark-engine.js'

const question = JSON.parse(readFileSync(0, 'utf8')) as DayQuestion
const [threads = '2', memoryLimitBytes = '0'] = process.argv.slice(2)
const engine = new SparkEngine({
  sparkSubmit: findSparkSubmit(process.env) ?? 'spark-submit',
  master: `local[${threads}]`,
  memoryLimitBytes: Number(memoryLimitBytes),
  shufflePartitions: 8,
  timeoutMs: 1_800_000,
  env: process.env,
})
const { readRows } = await engine.compute(question)
process.stdout.write(`${JSON.stringify({ rows: readRows })}\n`)
