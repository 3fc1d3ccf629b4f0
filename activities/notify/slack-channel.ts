import { IncomingWebhook, IncomingWebhookHTTPError, type IncomingWebhookSendArguments } from '@slack/webhook'
import { DeliveryFault, type ChannelSender, type OutgoingMessage } from './channel-sender.js'
import { retryAfterMs } from './retry-after.js'
import { slackMessage, slackText } from './slack-message.js'

/** A receiver's answer is a word or two; more of it is not read. */
const MAX_ANSWER_BYTES = 4_096

/** Failures to reach the receiver at all: nothing can have arrived. */
const NOT_REACHED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+)$/

/**
 * Posts to a Slack webhook. Slack has no key by which it would know a repeat: what may have arrived is sent again, and
 * says so.
 * @param url a secret: it is in no message and no error
 */
export function slackChannel(url: string, timeoutMs: number, nowMs: () => number): ChannelSender {
  const post = async (message: IncomingWebhookSendArguments): Promise<void> => {
    const answer: { retryAfter: string | null } = { retryAfter: null }
    const webhook = new IncomingWebhook(url, {
      timeout: timeoutMs,
      fetch: async (...request) => {
        const response = await fetch(...request)
        answer.retryAfter = response.headers.get('retry-after')
        return new Response(await beginningOf(response), { status: response.status })
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
    return new DeliveryFault(`SLACK_${statusCode}`, isPassing ? 'not_sent' : 'refused', waitMs)
  }
  const code = codeIn(error)
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

async function beginningOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  if (response.body === null) return ''
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= MAX_ANSWER_BYTES) break
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString('utf8')
}
