import assert from 'node:assert/strict'
import { parsePeakBytes, parseStat } from '../../../../bench/engines/proc-usage.js'

const FIELDS = 'S 77 4242 4242 0 -1 4194304 900 0 0 0 150 50 20 5 20 0 31 0 123456 2000000 5000'

describe('bench/engines: what /proc says', () => {
  it('adds user and system time, with that of children that were waited for', () => {
    assert.deepEqual(parseStat(`4242 (java) ${FIELDS}`), { parentPid: 77, cpuSeconds: 2.25 })
  })

  it('is not misled by a name with spaces and parentheses', () => {
    assert.deepEqual(parseStat(`4242 (a) R 1 (b) ${FIELDS}`), { parentPid: 77, cpuSeconds: 2.25 })
  })

  it('refuses what is no such line', () => {
    assert.throws(() => parseStat('4242 (java) S 77'), /not a line of/)
  })

  it('reads the highest resident memory in bytes', () => {
    assert.equal(parsePeakBytes('Name:\tjava\nVmPeak:\t  9 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n'), 2_097_152)
    assert.throws(() => parsePeakBytes('Name:\tkthreadd\n'), /VmHWM/)
  })
})
