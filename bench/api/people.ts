/*
 * People at an API: each asks, reads the answer, pauses, and asks again over a connection of their own. A program of its own, so
 * that what it costs is not the server's. `people.js URL PEOPLE SECONDS PAUSE_MS` prints what they saw as JSON; `KEY` is theirs.
 */
import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../stage.js'

/** What people saw. */
export interface PeopleReport {
  readonly perSecond: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  /** Answers other than 200. */
  readonly failed: number
}

const [url = '', people = '', seconds = '', pause = ''] = process.argv.slice(2)
const headers = { authorization: `Bearer ${process.env['KEY'] ?? ''}` }
const endsAt = performance.now() + Number(seconds) * 1_000
const delaysMs: number[] = []
let failed = 0

function ask(agent: Agent): Promise<void> {
  const askedAt = performance.now()
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, headers }, (answer) => {
      answer.resume().once('end', () => {
        delaysMs.push(performance.now() - askedAt)
        if (answer.statusCode !== 200) failed += 1
        resolve()
      })
    })
    request.once('error', reject)
  })
}

/** The pause is between half and one and a half of the mean, so that people do not fall into step. */
async function person(): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  while (performance.now() < endsAt) {
    await sleep(Number(pause) * (0.5 + Math.random()))
    await ask(agent)
  }
  agent.destroy()
}

await Promise.all(Array.from({ length: Number(people) }, person))
const report: PeopleReport = {
  perSecond: delaysMs.length / Number(seconds),
  meanMs: delaysMs.reduce((sum, ms) => sum + ms, 0) / delaysMs.length,
  p50Ms: percentile(delaysMs, 0.5),
  p95Ms: percentile(delaysMs, 0.95),
  p99Ms: percentile(delaysMs, 0.99),
  failed,
}
console.log(JSON.stringify(report))
