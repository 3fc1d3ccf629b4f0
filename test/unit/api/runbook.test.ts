import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pageOfMarkdown } from '../../../api/markdown-page.js'
import { runbookPath } from '../../../domain/alerting/alert-message.js'
import { ALERT_SOURCES } from '../../../domain/alerting/observation.js'
import { packageRoot } from '../../../platform/package-root.js'

describe('the runbook', () => {
  const page = pageOfMarkdown(readFileSync(join(packageRoot, 'docs', 'runbook.md'), 'utf8'))

  it('has a section for every source of alerts, where their links lead', () => {
    for (const source of ALERT_SOURCES) {
      const [path, anchor] = runbookPath(source).split('#')
      assert.equal(path, '/docs/runbook')
      assert.ok(page.includes(`<h2 id="${anchor}">`), source)
    }
  })

  it('is HTML, and nothing of its text is markup', () => {
    assert.match(page, /<title>What to do about an alert<\/title>/)
    assert.match(page, /<ol>\n<li><code>guardian dlq list/)
    assert.match(page, /<code>guardian explain &lt;id of an anomaly&gt;<\/code>/)
    assert.doesNotMatch(page.replaceAll(/<code>.*?<\/code>/g, ''), /[`]|\*\*|<p>#/)
  })

  it('shows lists, code and quotes as they are meant', () => {
    const html = pageOfMarkdown('# A "b"\n\n## One two!\n\n- a <b>\n- **c**\n\n```\nx < y\n```')
    for (const part of [
      '<title>A &quot;b&quot;</title>',
      '<h2 id="one-two">',
      '<li>a &lt;b&gt;</li>',
      '<strong>c</strong>',
      '<pre>x &lt; y</pre>',
    ])
      assert.ok(html.includes(part), part)
  })
})
