import { createHash } from 'node:crypto'
import type { OutgoingMessage } from './channel-sender.js'

export interface Email {
  readonly messageId: string
  readonly references: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
}

const COLOURS = { warning: '#9a6700', critical: '#b42318', recovered: '#1a7f37' } as const
const MAX_SUBJECT = 150

const escape = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')

/**
 * The message as an e-mail. Its Message-ID comes from the delivery key, so that a mail system knows a repeat; all mails
 * of a fingerprint refer to one id, and those of one severity have one subject, so that they make a thread.
 * @param domain of the sender's address
 */
export function emailOf({ message, fingerprint, key, isRepeat }: OutgoingMessage, domain: string): Email {
  const thread = `<guardian-${createHash('sha256').update(fingerprint).digest('hex').slice(0, 24)}@${domain}>`
  const repeat = isRepeat ? ['Sent again: nobody knows whether the first attempt arrived.'] : []
  const lines = [...message.lines, ...repeat]
  const foot = `${message.footer} · ${key}`
  return {
    messageId: `<${key}@${domain}>`,
    references: thread,
    subject: message.subject.replaceAll(/\p{Cc}+/gu, ' ').slice(0, MAX_SUBJECT),
    text: [
      message.headline,
      '',
      ...lines,
      ...message.figures.map(([name, value]) => `${name}: ${value}`),
      '',
      ...message.links.map(({ label, url }) => `${label}: ${url}`),
      '',
      foot,
      '',
    ].join('\n'),
    html: [
      '<!doctype html><html><body style="font-family:sans-serif">',
      `<h2 style="color:${COLOURS[message.severity]}">${escape(message.headline)}</h2>`,
      ...lines.map((line) => `<p>${escape(line).replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p>`),
      message.figures.length === 0 ? '' : '<table>',
      ...message.figures.map(
        ([name, value]) => `<tr><th align="left">${escape(name)}</th><td>${escape(value)}</td></tr>`,
      ),
      message.figures.length === 0 ? '' : '</table>',
      ...message.links.map(({ label, url }) => `<p><a href="${escape(url)}">${escape(label)}</a></p>`),
      `<p style="color:#666;font-size:small">${escape(foot)}</p>`,
      '</body></html>',
      '',
    ].join('\n'),
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Guardian-Severity': message.severity,
      'X-Guardian-Delivery': key,
    },
  }
}
