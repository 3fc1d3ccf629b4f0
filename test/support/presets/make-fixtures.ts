/*
 * Writes test/fixtures/presets again: `node dist/test/support/presets/make-fixtures.js`. The same lines each time. State
 * the page views in test/unit/domain/web-log/page-presets.test.ts.
 */
import { writeFileSync } from 'node:fs'
import { fixtureLines } from './fixture-lines.js'
import { LABELLED_URLS } from './labelled-urls.js'

for (const [at, [name, urls]] of Object.entries(LABELLED_URLS).entries()) {
  const file = new URL(`../../../../test/fixtures/presets/${name}.log`, import.meta.url)
  writeFileSync(file, `${fixtureLines(urls, 20_261_006 + at).join('\n')}\n`)
}
