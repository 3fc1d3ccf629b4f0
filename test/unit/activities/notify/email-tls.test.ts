import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { emailChannel, type EmailSettings } from '../../../../activities/notify/email-channel.js'
import { DeliveryFault, type OutgoingMessage } from '../../../../activities/notify/channel-sender.js'
import { certificates, type Certificates } from '../../../support/secured/certificates.js'

const MESSAGE: OutgoingMessage = {
  message: { severity: 'warning', subject: 's', headline: 'h', lines: [], figures: [], links: [], footer: 'f' },
  fingerprint: 'f',
  key: 'k',
  isRepeat: false,
}

describe('an e-mail over TLS', function () {
  this.timeout(20_000)
  const dir = mkdtempSync(join(tmpdir(), 'guardian-mail-'))
  const opened: SMTPServer[] = []
  let pki: Certificates
  let logins: string[] = []
  let mails = 0
  before(() => {
    pki = certificates(dir)
  })
  beforeEach(() => {
    logins = []
    mails = 0
  })
  afterEach(() =>
    Promise.all(opened.splice(0).map((server) => new Promise<void>((done) => server.close(() => done())))),
  )
  after(() => rmSync(dir, { recursive: true }))

  /** A server with a login. @returns its port */
  async function serve(options: SMTPServerOptions): Promise<number> {
    const server = new SMTPServer({
      ...options,
      onAuth: ({ username = '', password = '' }, session, done) => {
        logins.push(`${session.secure ? 'TLS' : 'plain'} ${username}`)
        if (password === 'canary-mail') done(null, { user: username })
        else done(new Error('no'))
      },
      onData: (stream, _session, done) => {
        mails += 1
        stream.resume().on('end', () => done())
      },
    })
    server.on('error', () => undefined)
    opened.push(server)
    const listening = server.listen(0, '127.0.0.1')
    await new Promise<void>((resolve) => listening.once('listening', resolve))
    return (listening.address() as AddressInfo).port
  }

  const own = () => ({ cert: pki.server.cert, key: pki.server.key })
  const withoutTls = { disabledCommands: ['STARTTLS'], allowInsecureAuth: true }

  async function send(url: string, more: Partial<EmailSettings> = {}): Promise<string> {
    const ends = { from: 'guardian@shop.example', to: ['on-call@shop.example'], timeoutMs: 5_000 }
    const channel = emailChannel({ url, ...ends, startTls: 'required', ca: pki.ca.cert, ...more })
    try {
      await channel.send(MESSAGE)
      return 'sent'
    } catch (error) {
      assert.ok(error instanceof DeliveryFault)
      assert.ok(!JSON.stringify([error.message, error.stack]).includes('canary'))
      return error.fault
    } finally {
      channel.stop()
    }
  }

  const login = (port: number, host = '127.0.0.1', password = 'canary-mail', scheme = 'smtp') =>
    `${scheme}://guardian:${password}@${host}:${port}`

  it('is sent after STARTTLS, and by implicit TLS, and the login only then', async () => {
    assert.equal(await send(login(await serve(own()))), 'sent')
    assert.equal(
      await send(login(await serve({ ...own(), secure: true }), '127.0.0.1', 'canary-mail', 'smtps')),
      'sent',
    )
    assert.equal(await send(login(await serve(own())), { startTls: 'if-offered' }), 'sent')
    assert.deepEqual([logins, mails], [['TLS guardian', 'TLS guardian', 'TLS guardian'], 3])
    assert.equal(await send(login(await serve(own()), '127.0.0.1', 'canary-wrong')), 'SMTP_535')
  })

  it('is not sent, and nobody logs in, where TLS is missing or proves nothing', async () => {
    assert.equal(await send(login(await serve(withoutTls))), 'SMTP_TLS_FAILED')
    assert.equal(await send(login(await serve(own())), { ca: pki.otherCa.cert }), 'SMTP_TLS_FAILED')
    assert.equal(await send(login(await serve(own()), 'localhost')), 'SMTP_TLS_FAILED')
    const { cert, key } = pki.expired
    assert.equal(await send(login(await serve({ cert, key }))), 'SMTP_TLS_FAILED')
    assert.deepEqual([logins, mails], [[], 0])
  })

  it('goes without TLS to a server on this machine, or where that is said', async () => {
    assert.equal(await send(login(await serve(withoutTls)), { startTls: 'auto' }), 'sent')
    assert.equal(await send(login(await serve(withoutTls)), { startTls: 'never' }), 'sent')
    assert.deepEqual(logins, ['plain guardian', 'plain guardian'])
  })
})
