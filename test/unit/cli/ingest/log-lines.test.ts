import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { LineCutter, MAX_LINE_BYTES, type LogLine } from '../../../../cli/ingest/log-lines.js'
import { openLog } from '../../../../cli/ingest/log-source.js'

const PACKED = {
  zstd: 'KLUv/QRYIQAAb25lCt8WaAkotS/9BFghAAB0d28KDy0E+Q==',
  xz: '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQADb25lCgD1XLtWH8b9hgABHARvLJzBH7bzfQEAAAAABFla/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQADdHdvCgBlBtb/xMD5OgABHARvLJzBH7bzfQEAAAAABFla',
  bzip2:
    'QlpoOTFBWSZTWXgTwIIAAAHBAAAQAgGgACGaaDNNDLxdyRThQkHgTwIIQlpoOTFBWSZTWS63GtcAAAFBgAAQAACEgCAAIZpoM00HPF3JFOFCQLrca1w=',
}

const textOf = (lines: readonly LogLine[]): string[] => lines.map(({ bytes }) => bytes.toString())

function cut(bytes: Buffer, sizes: readonly number[]): LogLine[] {
  const cutter = new LineCutter()
  const lines: LogLine[] = []
  let from = 0
  for (const size of sizes) {
    lines.push(...cutter.cut(bytes.subarray(from, from + size)))
    from += size
  }
  return [...lines, ...cutter.cut(bytes.subarray(from)), ...cutter.end()]
}

describe('LineCutter', () => {
  it('cuts the same lines wherever the chunks end', () => {
    const line = fc.stringMatching(/^[a-zé]{0,12}$/)
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom('\n', '\r\n'), fc.array(fc.nat(9)), (texts, lineEnd, sizes) => {
        const bytes = Buffer.from(texts.map((text) => text + lineEnd).join(''))
        const lines = cut(bytes, sizes)
        assert.deepEqual(textOf(lines), texts)
        assert.deepEqual(
          lines.map(({ number }) => number),
          texts.map((_, i) => i + 1),
        )
      }),
    )
  })

  it('says of a last line that it has no end, and takes off a byte order mark', () => {
    const lines = cut(Buffer.from('\ufeffa\nb'), [])
    assert.deepEqual(textOf(lines), ['a', 'b'])
    assert.deepEqual(
      lines.map(({ isEnded }) => isEnded),
      [true, false],
    )
    assert.deepEqual(textOf(cut(Buffer.from('a\n'), [])), ['a'])
    assert.deepEqual(textOf(cut(Buffer.from(''), [])), [])
  })

  it('takes off the NUL bytes that a crash leaves around lines', () => {
    assert.deepEqual(textOf(cut(Buffer.from('\0\0a\0b\0\n\0\0\nc\n'), [])), ['a\0b', '', 'c'])
  })

  it('keeps the beginning of a line that is too long, without holding the rest', () => {
    const longest = 'x'.repeat(MAX_LINE_BYTES)
    const lines = cut(Buffer.from(`${longest}\r\n${longest}yy\nz\n`), [1_000, 70_000])
    assert.deepEqual(textOf(lines), [longest, longest, 'z'])
    assert.deepEqual(
      lines.map(({ isCut }) => isCut),
      [false, true, false],
    )
    const cutter = new LineCutter()
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 3_000; i++) assert.deepEqual(cutter.cut(Buffer.alloc(65_536, 0x78)), [])
    assert.ok(process.memoryUsage().arrayBuffers - before < 50_000_000)
    assert.deepEqual(textOf(cutter.cut(Buffer.from('\nnext\n'))).slice(1), ['next'])
  })
})

describe('openLog', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'guardian-log-'))
  })
  after(() => rm(folder, { recursive: true }))

  async function readAll(source: Awaited<ReturnType<typeof openLog>>): Promise<string> {
    const chunks: Buffer[] = []
    for await (const chunk of source.chunks) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }

  it('unpacks gzip by its first bytes, several members too, from a file with any name', async () => {
    const file = join(folder, 'plain-name.log')
    await writeFile(file, Buffer.concat([gzipSync('one\n'), gzipSync('two\n')]))
    const source = await openLog(file, process.stdin)
    assert.equal(await readAll(source), 'one\ntwo\n')
    assert.equal(source.bytesRead(), source.totalBytes)
  })

  it('unpacks zstd, xz and bzip2, several members too, and reads UTF-16', async () => {
    // Two members each, made by zstd 1.5.4, xz 5.4.1 and bzip2 1.0.8 from "one\\n" and "two\\n".
    const packed: Readonly<Record<string, string>> = PACKED
    for (const [name, base64] of Object.entries(packed)) {
      const file = join(folder, `${name}.log`)
      await writeFile(file, Buffer.from(base64, 'base64'))
      assert.equal(await readAll(await openLog(file, process.stdin)), 'one\ntwo\n', name)
    }
    for (const bytes of [
      Buffer.from('\ufeffone\ntwo\n', 'utf16le'),
      Buffer.from('\ufeffone\ntwo\n', 'utf16le').swap16(),
    ]) {
      const file = join(folder, 'utf16.log')
      await writeFile(file, bytes)
      assert.equal(await readAll(await openLog(file, process.stdin)), 'one\ntwo\n')
    }
  })

  it('shows the first line and still gives all of it', async () => {
    const source = await openLog('-', Readable.from([Buffer.from('#x\n\nfi'), Buffer.from('rst\nsecond\n')]))
    assert.equal(String(await source.firstLine(new AbortController().signal)), 'first')
    assert.equal(await readAll(source), '#x\n\nfirst\nsecond\n')
  })

  it('unpacks gzip from standard input that comes byte by byte', async () => {
    const packed = gzipSync('one\ntwo\n')
    const stdin = Readable.from(Array.from(packed, (byte) => Buffer.from([byte])))
    const source = await openLog('-', stdin)
    assert.equal(await readAll(source), 'one\ntwo\n')
    assert.equal(source.bytesRead(), packed.length)
  })

  it('reads what is not gzip as it is: empty, one byte, two bytes', async () => {
    for (const text of ['', '\x1f', 'ab', '\x1f\x8c', 'abc\n']) {
      const file = join(folder, 'short.log')
      await writeFile(file, text, 'latin1')
      const chunks: Buffer[] = []
      for await (const chunk of (await openLog(file, process.stdin)).chunks) chunks.push(chunk)
      assert.equal(Buffer.concat(chunks).toString('latin1'), text)
    }
  })

  it('fails on a truncated gzip, a folder, and a file that is not there', async () => {
    const file = join(folder, 'cut.gz')
    await writeFile(file, gzipSync(Buffer.alloc(100_000, 'line\n')).subarray(0, 60))
    await assert.rejects(async () => readAll(await openLog(file, process.stdin)), /unexpected end of file/)
    await assert.rejects(openLog(folder, process.stdin), /is a folder/)
    await assert.rejects(openLog(join(folder, 'absent'), process.stdin), /ENOENT/)
  })
})
