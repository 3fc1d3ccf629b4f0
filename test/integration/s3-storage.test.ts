import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { loadConfig } from '../../platform/config.js'
import type { ObjectStorage } from '../../platform/object-storage/object-storage.js'
import { openStorage, STORAGE_VARIABLES } from '../../platform/object-storage/open-storage.js'
import { startS3Server, type S3Server } from '../support/s3-server.js'
import { temporaryDir } from '../support/stack.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'

const PART_BYTES = 5_242_880
const KEY = 'clicks/date=2026-10-01/one.parquet'

describe('files in parts on S3', function () {
  this.timeout(60_000)
  const folder = temporaryDir()
  const bytes = randomBytes(3 * PART_BYTES + 1_000)
  let server: S3Server
  let proxy: TcpProxy
  let storage: ObjectStorage
  let client: S3Client

  before(async () => {
    server = await startS3Server(folder)
    const { S3_ENDPOINT: endpoint = '', S3_ACCESS_KEY_ID: id = '', S3_SECRET_ACCESS_KEY: secret = '' } = server.env
    proxy = await startTcpProxy(new URL(endpoint))
    const parts = { S3_PART_BYTES: String(PART_BYTES), S3_PARTS_AT_ONCE: '2' }
    const env = { ...server.env, ...parts, S3_ENDPOINT: proxy.urlOf(endpoint) }
    storage = await openStorage(loadConfig(STORAGE_VARIABLES, env))
    const credentials = { accessKeyId: id, secretAccessKey: secret }
    client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })
  })
  after(async () => {
    client.destroy()
    await proxy.close()
    await server.stop()
    rmSync(folder, { recursive: true })
  })

  const scratchWith = (content: Buffer): string => {
    const path = storage.scratchFile('one.parquet')
    writeFileSync(path, content)
    return path
  }
  const atS3 = { Bucket: 'archive', Key: `guardian/${KEY}` }
  const stored = async () => (await client.send(new GetObjectCommand(atS3))).Body?.transformToByteArray()
  const partsOf = async () => {
    const { ETag = '' } = await client.send(new HeadObjectCommand(atS3))
    return Number(/-(\d+)"?$/.exec(ETag)?.[1] ?? 1)
  }

  it('are whole there, with no more parts on their way at once than there may be', async () => {
    const scratch = scratchWith(bytes)
    const sending = storage.backlogs().find(({ name }) => name === 'storage_parts_sending')
    let most = 0
    const watch = setInterval(() => (most = Math.max(most, sending?.waiting() ?? 0)), 1)
    assert.deepEqual(await storage.put(scratch, KEY), { bytes: bytes.length })
    clearInterval(watch)
    assert.deepEqual([most, sending?.limit], [2, 2])
    assert.equal(await partsOf(), 4)
    assert.ok(bytes.equals((await stored()) ?? Buffer.of()))
    assert.ok(!existsSync(scratch))
    assert.deepEqual(await storage.listUnfinished('clicks'), [])
  })

  it('go at once when they are no larger than a part', async () => {
    await storage.remove(KEY)
    await storage.put(scratchWith(bytes.subarray(0, PART_BYTES)), KEY)
    assert.equal(await partsOf(), 1)
  })

  it('leave nothing there when a part does not arrive, and can be put again', async () => {
    await storage.remove(KEY)
    const scratch = scratchWith(bytes)
    proxy.cutAfter('partNumber=3')
    await assert.rejects(storage.put(scratch, KEY))
    assert.deepEqual([await storage.list('clicks'), await storage.listUnfinished('clicks')], [[], []])
    proxy.heal()
    await storage.put(scratch, KEY)
    assert.equal(await partsOf(), 4)
  })

  it('whose process has ended on the way are found, and given up without touching what the key has', async () => {
    const before = await storage.list('clicks')
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(atS3))
    const part = { ...atS3, UploadId, PartNumber: 1, Body: bytes.subarray(0, PART_BYTES) }
    await client.send(new UploadPartCommand(part))
    assert.deepEqual(await storage.listUnfinished('clicks'), [KEY])
    assert.deepEqual(await storage.listUnfinished('purchases'), [])
    await storage.removeUnfinished(KEY)
    assert.deepEqual(await storage.listUnfinished('clicks'), [])
    // A short one: to a long one the server may close the connection before it was asked in full.
    const late = new UploadPartCommand({ ...part, PartNumber: 2, Body: 'late' })
    await assert.rejects(client.send(late), { name: 'NoSuchUpload' })
    assert.deepEqual(await storage.list('clicks'), before)
    assert.ok(existsSync(join(folder, 'buckets', 'archive', 'guardian', KEY)))
  })
})
