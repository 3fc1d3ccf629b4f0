import { createTransport } from 'nodemailer'
import { messageOf } from '../../platform/message-of.js'
import { withDeadline } from '../../platform/resilience/deadline.js'
import { DeliveryFault, type ChannelSender } from './channel-sender.js'
import { emailOf } from './email-message.js'

export interface EmailSettings {
  /** smtp://user:password@host:port, or smtps://. A secret: it is in no message and no error. */
  readonly url: string
  readonly from: string
  readonly to: readonly string[]
  /**
   * Whether a connection that begins without TLS must, may or must not go over to it before it logs in. `auto`: it must, unless
   * the server is on this machine.
   */
  readonly startTls: 'auto' | 'required' | 'if-offered' | 'never'
  /** Authorities, in PEM. @default those that Node trusts */
  readonly ca?: string | undefined
  /** For one mail, from connecting to the server's word that it has it. */
  readonly timeoutMs: number
}

/** A server's word for being no server at present; with any other it answers for one mail. */
const NOT_AVAILABLE = 421

/** As Node words it: nodemailer puts a code of its own in the place of Node's. */
const TLS_FAULT = /certificate|SSL routines/i

/** The commands after whose failure nothing can have been taken: the server takes a mail when it answers DATA. */
const BEFORE_THE_MAIL = ['CONN', 'EHLO', 'HELO', 'STARTTLS', 'AUTH', 'MAIL FROM', 'RCPT TO']

/** Sends mails through an SMTP server, a connection each: they are rare, and a kept one would be dead when needed. */
export function emailChannel({ url, from, to, startTls, ca, timeoutMs }: EmailSettings): ChannelSender {
  const domain = from.replace(/^.*@/, '').replace(/>.*$/, '')
  const transport = createTransport({
    url,
    // What is named here would be overridden by parameters of the URL, which the configuration refuses.
    requireTLS: startTls === 'required' || (startTls === 'auto' && !isOnThisMachine(url)),
    ignoreTLS: startTls === 'never',
    ...(ca === undefined ? {} : { tls: { ca } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
  })
  return {
    send: async (outgoing) => {
      const { references, headers, ...email } = emailOf(outgoing, domain)
      const mail = {
        ...{ from, to: [...to], ...email, references, inReplyTo: references, headers: { ...headers } },
        disableFileAccess: true,
        disableUrlAccess: true,
      }
      try {
        // The time-outs of the transport are of its steps: a server that answers a letter at a time keeps within all of them.
        await withDeadline(() => transport.sendMail(mail), timeoutMs, noAnswer)
      } catch (error) {
        throw faultOf(error)
      }
    },
    stop: () => transport.close(),
  }
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i

const isOnThisMachine = (url: string): boolean => LOOPBACK.test(new URL(url).hostname)

const noAnswer = (): DeliveryFault => new DeliveryFault('SMTP_NO_ANSWER', 'unknown')

function faultOf(error: unknown): DeliveryFault {
  if (error instanceof DeliveryFault) return error
  const field = (name: string): unknown => (error instanceof Error ? Reflect.get(error, name) : undefined)
  const [answer, command, code] = [field('responseCode'), field('command'), field('code')]
  // Also when the server has answered that it does not know the command.
  if (code === 'ETLS' || command === 'STARTTLS' || TLS_FAULT.test(messageOf(error)))
    return new DeliveryFault('SMTP_TLS_FAILED', 'not_sent')
  if (typeof answer === 'number')
    return new DeliveryFault(
      `SMTP_${answer}`,
      answer >= 500 && answer < 600 ? 'refused' : 'not_sent',
      undefined,
      answer === NOT_AVAILABLE,
    )
  if (code === 'EDNS' || (typeof command === 'string' && BEFORE_THE_MAIL.includes(command)))
    return new DeliveryFault('SMTP_NOT_REACHED', 'not_sent')
  return new DeliveryFault('SMTP_NO_ANSWER', 'unknown')
}
