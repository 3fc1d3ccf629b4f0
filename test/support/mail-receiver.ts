import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export interface Mail {
  /** Header lines by name in lower case, unfolded. */
  readonly headers: Readonly<Record<string, string>>
  readonly raw: string
  readonly to: readonly string[]
}

export interface MailReceiver {
  readonly url: string
  readonly mails: readonly Mail[]
  /** Mails from now on get these answers instead of being taken, one each; 0 takes the mail and never answers. */
  next(...codes: readonly number[]): void
  /** Forgets what has come so far. */
  forget(): void
  stop(): Promise<void>
}

/** A real SMTP server with a user and a password. */
export async function startMailReceiver(): Promise<MailReceiver> {
  const mails: Mail[] = []
  const queue: number[] = []
  const server = new SMTPServer({
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) =>
      username === 'guardian' && password === 'secret-of-the-mail'
        ? done(null, { user: username })
        : done(new Error('no')),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const code = queue.shift()
        if (code !== undefined && code !== 0) {
          done(Object.assign(new Error('not now'), { responseCode: code }))
          return
        }
        const raw = Buffer.concat(chunks).toString()
        mails.push({ raw, headers: headersOf(raw), to: session.envelope.rcptTo.map(({ address }) => address) })
        if (code === undefined) done()
      })
    },
  })
  server.on('error', () => undefined) // a client that is killed leaves a broken connection
  const listening = server.listen(0, '127.0.0.1')
  await new Promise<void>((resolve) => listening.once('listening', resolve))
  const { port } = listening.address() as AddressInfo
  return {
    url: `smtp://guardian:secret-of-the-mail@127.0.0.1:${port}`,
    mails,
    next: (...codes) => queue.push(...codes),
    forget: () => {
      mails.length = 0
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function headersOf(raw: string): Record<string, string> {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]+/g, ' ')
  const lines = head.split('\r\n').map((line) => /^([^:]+):\s*(.*)$/.exec(line))
  return Object.fromEntries(lines.map((line) => [line?.[1]?.toLowerCase() ?? '', line?.[2] ?? '']))
}
