import { IncomingWebhook, IncomingWebhookHTTPError, type IncomingWebhookSendArguments } from '@slack/webhook'
import { createCheckedFetch } from '../../platform/outbound/checked-fetch.js'
import { DeliveryFault, type ChannelSender, type OutgoingMessage } from './channel-sender.js'
import { retryAfterMs } from './retry-after.js'
import { slackMessage, slackText } from './slack-message.js'

/** A receiver's answer is a word or two; more of it is not read. */
const MAX_ANSWER_BYTES = 4_096

/** Failures to reach the receiver at all: nothing can have arrived. */
const NOT_REACHED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+)$/

export interface SlackSettings {
  /** Of the webhook. A secret: it is in no message and no error. */
  readonly url: string
  /** For one attempt. */
  readonly timeoutMs: number
  /** `host:port` that may be called although it is not public. */
  readonly allowedHosts: readonly string[]
}

/**
 * Posts to a Slack webhook on a public address. Slack has no key by which it would know a repeat: what may have arrived is sent again, and
 * says so.
 */
export function slackChannel({ url, timeoutMs, allowedHosts }: SlackSettings, nowMs: () => number): ChannelSender {
  const checkedFetch = createCheckedFetch({ allowedHosts, timeoutMs, maxAnswerBytes: MAX_ANSWER_BYTES })
  const post = async (message: IncomingWebhookSendArguments): Promise<void> => {
    const answer: { retryAfter: string | null } = { retryAfter: null }
    const webhook = new IncomingWebhook(url, {
      timeout: timeoutMs,
      fetch: async (...request) => {
        const response = await checkedFetch(...request)
        answer.retryAfter = response.headers.get('retry-after')
        return response
      },
    })
    try {
      await webhook.send(message)
    } catch (error) {
      throw faultOf(error, retryAfterMs(answer.retryAfter, nowMs()))
    }
  }
  return {
    send: async (outgoing: OutgoingMessage) => {
      try {
        await post(slackMessage(outgoing))
      } catch (error) {
        if (!(error instanceof DeliveryFault) || error.fault !== 'SLACK_400') throw error
        await post(slackText(outgoing)) // it takes no blocks, and has refused the message: words are better than nothing
      }
    },
    stop: () => undefined,
  }
}

function faultOf(error: unknown, waitMs: number | undefined): DeliveryFault {
  if (error instanceof IncomingWebhookHTTPError) {
    const { statusCode } = error
    const isPassing = statusCode === 408 || statusCode === 429 || statusCode >= 500
    const isOutage = statusCode === 408 || statusCode >= 500
    return new DeliveryFault(`SLACK_${statusCode}`, isPassing ? 'not_sent' : 'refused', waitMs, isOutage)
  }
  const code = codeIn(error)
  if (code === 'OUTBOUND_REFUSED') return new DeliveryFault('SLACK_ADDRESS_NOT_PUBLIC', 'refused')
  return NOT_REACHED.test(code)
    ? new DeliveryFault('SLACK_NOT_REACHED', 'not_sent')
    : new DeliveryFault('SLACK_NO_ANSWER', 'unknown')
}

/** The first code of a system error among an error and its causes. */
function codeIn(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; depth += 1) {
    const code: unknown = Reflect.get(at, 'code')
    if (typeof code === 'string' && /^[A-Z][A-Z_]+$/.test(code)) return code
    at = at instanceof AggregateError ? at.errors[0] : (at.cause ?? Reflect.get(at, 'original'))
  }
  return ''
}
