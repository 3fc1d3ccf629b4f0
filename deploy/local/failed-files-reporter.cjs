// The spec reporter, which also writes each failure down at once: its file to $GUARDIAN_FAILED_FILES, so that CI can run it
// again alone, and what failed to the same name with `.log`.
const { appendFileSync } = require('node:fs')
const { Spec } = require('mocha').reporters

module.exports = class FailedFilesReporter extends Spec {
  constructor(runner, options) {
    super(runner, options)
    const list = process.env.GUARDIAN_FAILED_FILES
    if (!list) return
    runner.on('fail', (test, error) => {
      appendFileSync(list, `${test.file ?? test.parent?.file ?? 'unknown'}\n`)
      appendFileSync(`${list}.log`, `${test.fullTitle()}\n${error.stack ?? error.message}\n\n`)
    })
  }
}
