/** Text as HTML shows it, also inside of quoted attributes. */
export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const HEADING = /^(#{1,3}) +(.+)$/
const ITEM = /^(?:- |\d+\. )/

/** What our own pages use of Markdown: headings, paragraphs, lists, fenced code, and `code` and **strong** within them. */
const inline = (text: string): string =>
  escapeHtml(text)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')

/** The anchor of a heading, as GitHub makes it: the same link works there and here. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')

function blockOf(block: string): string {
  const heading = HEADING.exec(block)
  if (heading) {
    const [, marks = '#', text = ''] = heading
    return `<h${marks.length} id="${anchorOf(text)}">${inline(text)}</h${marks.length}>`
  }
  if (block.startsWith('```')) return `<pre>${escapeHtml(block.replaceAll(/^```.*\n?|\n```$/g, ''))}</pre>`
  if (!ITEM.test(block)) return `<p>${inline(block)}</p>`
  const items = block.split(/\n(?=- |\d+\. )/).map((item) => `<li>${inline(item.replace(ITEM, ''))}</li>`)
  const list = block.startsWith('- ') ? 'ul' : 'ol'
  return `<${list}>\n${items.join('\n')}\n</${list}>`
}

/** A page of ours that is kept as Markdown; its first line is its title. Blocks are apart by an empty line. */
export function pageOfMarkdown(markdown: string): string {
  const blocks = markdown.trim().split(/\n{2,}/)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml((blocks[0] ?? '').replace(HEADING, '$2'))}</title>
</head>
<body>
${blocks.map(blockOf).join('\n')}
</body>
</html>
`
}
