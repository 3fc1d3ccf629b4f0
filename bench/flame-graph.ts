/** A profile as V8 writes it (`node --cpu-prof`). */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  /** Microseconds between one sample and the one before it. */
  readonly timeDeltas: readonly number[]
}

/** A function as it was called from the one above it, and the microseconds that it and what it called took. */
export interface Frame {
  readonly name: string
  readonly place: string
  selfUs: number
  totalUs: number
  readonly callees: Map<string, Frame>
}

const newFrame = (name: string, place: string): Frame => ({ name, place, selfUs: 0, totalUs: 0, callees: new Map() })

/** The last two parts of a path say enough. */
const placeOf = (url: string, line: number): string =>
  url === '' ? '' : `${url.split('/').slice(-2).join('/')}:${line + 1}`

/** The calls of a profile as one tree, without the time in which nothing was done. */
export function callTree(profile: CpuProfile): Frame {
  const selfUs = new Map<number, number>()
  for (const [i, id] of profile.samples.entries())
    selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, profile.timeDeltas[i] ?? 0))
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const root = newFrame('all', '')
  const add = (id: number, into: Frame): number => {
    const node = nodes.get(id)
    if (!node) return 0
    const { functionName, url, lineNumber } = node.callFrame
    if (functionName === '(idle)') return 0
    const place = placeOf(url, lineNumber)
    const name = functionName === '' ? '(anonymous)' : functionName
    let frame = into.callees.get(`${name} ${place}`)
    if (!frame) into.callees.set(`${name} ${place}`, (frame = newFrame(name, place)))
    const own = selfUs.get(id) ?? 0
    frame.selfUs += own
    let total = own
    for (const child of node.children ?? []) total += add(child, frame)
    frame.totalUs += total
    return total
  }
  for (const child of profile.nodes[0]?.children ?? []) root.totalUs += add(child, root)
  return root
}

/** The functions that took most of the time themselves, wherever they were called from. */
export function heaviest(root: Frame, count: number): { name: string; share: number }[] {
  const selfUs = new Map<string, number>()
  const walk = (frame: Frame): void => {
    const name = `${frame.name} ${frame.place}`.trim()
    selfUs.set(name, (selfUs.get(name) ?? 0) + frame.selfUs)
    for (const callee of frame.callees.values()) walk(callee)
  }
  walk(root)
  return [...selfUs]
    .sort((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([name, us]) => ({ name, share: us / root.totalUs }))
}

const WIDTH = 1_200
const ROW = 16
/** What is narrower cannot be seen. */
const LEAST_PX = 0.7
const COLOURS = ['#e4572e', '#f3a712', '#f0803c', '#d1495b', '#e9b872', '#edae49']

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** Draws a call tree: the wider, the longer; callers beneath what they call. */
export function flameGraph(root: Frame, title: string): string {
  const boxes: string[] = []
  let depth = 0
  const draw = (frame: Frame, level: number, x: number): void => {
    const width = (frame.totalUs / root.totalUs) * WIDTH
    if (width < LEAST_PX) return
    depth = Math.max(depth, level)
    boxes.push(box(frame, level, x, width, frame.totalUs / root.totalUs))
    let at = x
    for (const callee of [...frame.callees.values()].sort((a, b) => b.totalUs - a.totalUs)) {
      draw(callee, level + 1, at)
      at += (callee.totalUs / root.totalUs) * WIDTH
    }
  }
  draw(root, 0, 0)
  const height = (depth + 3) * ROW
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">
<rect width="100%" height="100%" fill="#fffdf7"/><text x="6" y="14">${escaped(title)}</text>
<g transform="translate(0 ${height - ROW})">
${boxes.join('\n')}
</g></svg>
`
}

function box(frame: Frame, level: number, x: number, width: number, share: number): string {
  const y = -level * ROW
  const place = frame.place === '' ? '' : ` (${frame.place})`
  const about = `${escaped(frame.name + place)} ${(share * 100).toFixed(1)} %`
  const fits = Math.floor((width - 6) / 6.7)
  const label =
    fits < 4 ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(frame.name.slice(0, fits))}</text>`
  let hash = 0
  for (const char of frame.name) hash = (hash * 31 + char.charCodeAt(0)) >>> 0
  const fill = COLOURS[hash % COLOURS.length] ?? ''
  return `<g><title>${about}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${fill}"/>${label}</g>`
}
