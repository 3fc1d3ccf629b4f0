import { execFileSync } from 'node:child_process'
import { oracleFolder } from '../support/run-oracle.js'

describe('the oracle itself', () => {
  it('agrees with cases that were worked out by hand', function () {
    this.timeout(30_000)
    execFileSync('python3', ['-B', '-m', 'unittest', 'oracle_test'], { cwd: oracleFolder, stdio: 'pipe' })
  })
})
