import type { IncomingWebhookSendArguments } from '@slack/webhook'
import type { AlertMessage } from '../../domain/alerting/alert-message.js'
import type { OutgoingMessage } from './channel-sender.js'

/** Slack refuses a message that is beyond one of these. */
const LIMITS = {
  header: 150,
  section: 3_000,
  field: 2_000,
  fields: 10,
  context: 2_000,
  text: 3_000,
  url: 3_000,
} as const

const MARKS = { warning: ':warning:', critical: ':rotating_light:', recovered: ':white_check_mark:' } as const

/** Slack's own three; all else is shown as it is. */
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Cuts after escaping, and never through an escaped character. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text
  return `${text.slice(0, limit - 1).replace(/&[a-z]{0,3}$|[\uD800-\uDBFF]$/, '')}…`
}

const mrkdwn = (text: string, limit: number) => ({ type: 'mrkdwn' as const, text: cut(text, limit) })

const linksOf = ({ links }: AlertMessage): string =>
  links
    .filter(({ url }) => url.length <= LIMITS.url && !/[|>\s]/.test(url))
    .map(({ label, url }) => `<${escape(url)}|${escape(label).replaceAll('|', '/')}>`)
    .join('  ·  ')

const footerOf = ({ message, key, isRepeat }: OutgoingMessage): string =>
  `${escape(message.footer)} · ${key}${isRepeat ? ' · sent again: nobody knows whether the first attempt arrived' : ''}`

/** The message in Block Kit within Slack's limits, with the text that notifications and old clients show. */
export function slackMessage(outgoing: OutgoingMessage): IncomingWebhookSendArguments {
  const { message } = outgoing
  const fields = message.figures.slice(0, LIMITS.fields).map(([name, value]) => {
    const head = `*${cut(escape(name), 100)}*\n`
    return mrkdwn(head + cut(escape(value), LIMITS.field - head.length), LIMITS.field)
  })
  const body = message.lines.map(escape).join('\n')
  const links = linksOf(message)
  return {
    ...slackText(outgoing),
    blocks: [
      {
        type: 'header',
        text: {
          type: 'plain_text',
          text: cut(`${MARKS[message.severity]} ${message.headline}`, LIMITS.header),
          emoji: true,
        },
      },
      ...(body === '' ? [] : [{ type: 'section' as const, text: mrkdwn(body, LIMITS.section) }]),
      ...(fields.length === 0 ? [] : [{ type: 'section' as const, fields }]),
      ...(links === '' ? [] : [{ type: 'section' as const, text: mrkdwn(links, LIMITS.section) }]),
      { type: 'context', elements: [mrkdwn(footerOf(outgoing), LIMITS.context)] },
    ],
    unfurl_links: false,
    unfurl_media: false,
  }
}

/** The same without blocks, for when Slack does not take them. */
export function slackText(outgoing: OutgoingMessage): IncomingWebhookSendArguments {
  const { message } = outgoing
  const figures = message.figures.map(([name, value]) => `${name}: ${value}`)
  const lines = [message.headline, ...message.lines, ...figures].map(escape)
  const links = linksOf(message)
  const linkLine = links === '' || links.length > 1_000 ? '' : `\n${links}` // half a link would lead nowhere
  const foot = cut(`\n${footerOf(outgoing)}`, 1_000)
  return { text: cut(lines.join('\n'), LIMITS.text - linkLine.length - foot.length) + linkLine + foot }
}
