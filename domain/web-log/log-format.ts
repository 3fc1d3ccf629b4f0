import { GuardianError } from '../errors.js'
import { parseFormatString } from './format-string.js'
import { createJsonParser, createNginxReader, namesOfJsonFormat, readCaddy, readTraefik } from './json-line.js'
import type { EntryOptions, LineParser } from './log-entry.js'
import { createTextParser } from './text-line.js'
import { createW3cParser } from './w3c-line.js'

/** Formats that are known by name. `docs/inputs.md` says what is read of each. */
export const LOG_FORMATS = [
  'common',
  'combined',
  'vhost_combined',
  'caddy',
  'traefik',
  'nginx-json',
  'iis',
  'cloudfront',
  'alb',
] as const
export type LogFormatName = (typeof LOG_FORMATS)[number]

/** Creates a parser for one log; logs that describe themselves need one each. */
export type CreateParser = (options: EntryOptions) => LineParser

const COMMON = '%h %l %u %t "%r" %>s %b'
const COMBINED = `${COMMON} "%{Referer}i" "%{User-Agent}i"`
/** nginx's `main` has it in addition; a log without it is read all the same. */
const FORWARDED = ' "%{X-Forwarded-For}i"'
/** https://docs.aws.amazon.com/elasticloadbalancing: the entries of an Application Load Balancer's access log. */
const ALB =
  '$type ${time_iso8601} $elb $remote_addr $target $request_time $target_time $response_time $status $target_status $received $sent "$request" "$http_user_agent" $cipher $protocol $group "$trace" "$domain" "$certificate" $rule $created "$actions" "$redirect" "$error"'

const text =
  (format: string): CreateParser =>
  (options) =>
    createTextParser(parseFormatString(format), options)

const PARSERS: Readonly<Record<LogFormatName, CreateParser>> = {
  common: text(COMMON),
  combined: text(COMBINED + FORWARDED),
  vhost_combined: text(`%v ${COMBINED}${FORWARDED}`),
  caddy: (options) => createJsonParser(readCaddy, options),
  traefik: (options) => {
    const [json, common] = [createJsonParser(readTraefik, options), text(COMBINED)(options)]
    return (line) => (line.trimStart().startsWith('{') ? json(line) : common(line))
  },
  'nginx-json': (options) => createJsonParser(createNginxReader(), options),
  iis: (options) => createW3cParser('iis', options),
  cloudfront: (options) => createW3cParser('cloudfront', options),
  alb: text(ALB),
}

export const isLogFormatName = (name: string): name is LogFormatName =>
  (LOG_FORMATS as readonly string[]).includes(name)

/**
 * The format that a person names: one of `LOG_FORMATS`, or nginx's `log_format` or Apache's `LogFormat`.
 * @throws GRD_BAD_INPUT when it is neither
 */
export function logFormat(given: string): { readonly name: string; readonly createParser: CreateParser } {
  if (isLogFormatName(given)) return { name: given, createParser: PARSERS[given] }
  if (!/[$%]/.test(given))
    throw new GuardianError(
      'GRD_BAD_INPUT',
      `${given} is no log format: ${LOG_FORMATS.join(', ')}, auto, or the log_format (nginx) or LogFormat (Apache) itself`,
    )
  const json = /\{[\s\S]*\}/.exec(given.replaceAll(/'\s*'/g, ''))?.[0]
  if (json !== undefined && /"\s*:\s*"?\$/.test(json)) {
    const names = namesOfJsonFormat(json)
    return { name: 'nginx-json', createParser: (options) => createJsonParser(createNginxReader(names), options) }
  }
  const parts = parseFormatString(given)
  return { name: 'custom', createParser: (options) => createTextParser(parts, options) }
}
