import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { PAGE_PRESET_NAMES, rulesOfPresets, type PagePresetName } from '../../../../domain/web-log/page-presets.js'
import { PageRules } from '../../../../domain/web-log/page-rules.js'
import { fixtureLines } from '../../../support/presets/fixture-lines.js'
import { LABELLED_URLS } from '../../../support/presets/labelled-urls.js'

const FIXTURES = new URL('../../../../../test/fixtures/presets/', import.meta.url)
const LINE = /"([A-Z]+) ([^ ?]+)(?:\?([^ ]*))? HTTP\/2\.0" (\d{3}) .* label\/(page|asset|api)"$/

interface LabelledLine {
  readonly method: string
  readonly path: string
  readonly query: string | null
  readonly status: number
  readonly label: string
}

function linesOf(name: string): LabelledLine[] {
  const text = readFileSync(new URL(`${name}.log`, FIXTURES), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, method = '', path = '', query = null, status = '', label = ''] = LINE.exec(line) ?? []
      assert.notEqual(label, '', line)
      return { method, path, query, status: Number(status), label }
    })
}

/** Lines of each fixture, and how many of them are page views by their labels. */
const EXPECTED: Readonly<Record<PagePresetName, { readonly lines: number; readonly pageViews: number }>> = {
  default: { lines: 229, pageViews: 26 },
  next: { lines: 225, pageViews: 23 },
  nuxt: { lines: 221, pageViews: 25 },
  sveltekit: { lines: 226, pageViews: 26 },
  remix: { lines: 220, pageViews: 24 },
  astro: { lines: 220, pageViews: 24 },
  magento: { lines: 222, pageViews: 26 },
  shopify: { lines: 223, pageViews: 24 },
  woocommerce: { lines: 228, pageViews: 27 },
  prestashop: { lines: 229, pageViews: 29 },
  shopware: { lines: 224, pageViews: 24 },
  sylius: { lines: 224, pageViews: 26 },
  headless: { lines: 230, pageViews: 24 },
  tiles: { lines: 225, pageViews: 27 },
  images: { lines: 224, pageViews: 25 },
}

describe('presets of page rules', () => {
  for (const name of PAGE_PRESET_NAMES) {
    const expected = EXPECTED[name]

    it(`${name}: ${expected.pageViews} page views in ${expected.lines} lines`, () => {
      const rules = new PageRules(rulesOfPresets([name]))
      const lines = linesOf(name)
      assert.ok(expected.lines >= 200)
      assert.equal(lines.length, expected.lines)
      const wrong = lines.flatMap(({ method, path, query, status, label }) => {
        const as = rules.classOf(method, path, query, status)
        return as === label ? [] : [`${method} ${path}?${query ?? ''} is ${as}, not ${label}`]
      })
      assert.deepEqual(wrong, [])
      const views = lines.filter((line) => rules.classOf(line.method, line.path, line.query) === 'page').length
      assert.equal(views, expected.pageViews)
    })
  }

  it('are described in docs/inputs.md', () => {
    const page = readFileSync(new URL('../../../docs/inputs.md', FIXTURES), 'utf8')
    for (const name of PAGE_PRESET_NAMES) assert.ok(page.includes(`\n| \`${name}\` |`), name)
  })

  it('have fixtures as they are made', () => {
    for (const [at, [name, urls]] of Object.entries(LABELLED_URLS).entries())
      assert.equal(
        readFileSync(new URL(`${name}.log`, FIXTURES), 'utf8'),
        `${fixtureLines(urls, 20_261_006 + at).join('\n')}\n`,
      )
  })
})
