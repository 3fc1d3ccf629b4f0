import { z } from 'zod'
import type { ConfigCheck } from './config-checks.js'
import { httpUrl, httpUrlWithLoginIn, lineOfText, partsOf, wholeNumber } from './config-values.js'
import { postgresUrlFaults } from './postgres-url.js'
import { certificateFault, keyFault, pairFault } from './tls.js'

const yesOrNo = (preset: 'yes' | 'no') => z.enum(['yes', 'no']).prefault(preset)

/** @param faultOf what is wrong with a text, in words without the text; undefined when nothing is */
const checked = (faultOf: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const message = faultOf(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

const certificates = checked(certificateFault).optional()
const privateKey = checked(keyFault).optional()

const SMTP_URL = /^smtps?:\/\/[^\s/?#]+\/?$/

/** The variables of connections to the servers: where they are, how they are proved, and how we log in. */
export const CONNECTION_VARIABLES = {
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\/\S+$/, 'not a postgres:// URL')
    .superRefine((text, context) => {
      for (const message of postgresUrlFaults(text)) context.addIssue({ code: 'custom', message })
    }),

  KAFKA_BROKERS: z
    .string()
    .regex(/^[^\s,:@]+:\d{1,5}(\s*,\s*[^\s,:@]+:\d{1,5})*$/, 'not a list of host:port')
    .transform(partsOf),
  KAFKA_SECURITY_PROTOCOL: z.enum(['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']).prefault('PLAINTEXT'),
  KAFKA_TLS_CA: certificates,
  KAFKA_TLS_CERT: certificates,
  KAFKA_TLS_KEY: privateKey,
  KAFKA_SASL_MECHANISM: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']).optional(),
  KAFKA_SASL_USERNAME: lineOfText.optional(),
  KAFKA_SASL_PASSWORD: lineOfText.optional(),
  KAFKA_OAUTH_TOKEN_URL: httpUrlWithLoginIn('KAFKA_OAUTH_CLIENT_ID', 'KAFKA_OAUTH_CLIENT_SECRET').optional(),
  KAFKA_OAUTH_CLIENT_ID: lineOfText.optional(),
  KAFKA_OAUTH_CLIENT_SECRET: lineOfText.optional(),
  KAFKA_OAUTH_SCOPE: lineOfText.optional(),

  SCHEMA_REGISTRY_URL: httpUrlWithLoginIn('SCHEMA_REGISTRY_USERNAME', 'SCHEMA_REGISTRY_PASSWORD'),
  SCHEMA_REGISTRY_TIMEOUT_MS: wholeNumber(100, 60_000, 3_000),
  SCHEMA_REGISTRY_USERNAME: lineOfText.optional(),
  SCHEMA_REGISTRY_PASSWORD: lineOfText.optional(),
  SCHEMA_REGISTRY_TOKEN: lineOfText.optional(),
  SCHEMA_REGISTRY_TLS_CA: certificates,
  SCHEMA_REGISTRY_TLS_CERT: certificates,
  SCHEMA_REGISTRY_TLS_KEY: privateKey,

  TEMPORAL_ADDRESS: z.string().regex(/^[^\s:@/]+:\d{1,5}$/, 'not host:port'),
  TEMPORAL_NAMESPACE: z.string().min(1).prefault('default'),
  TEMPORAL_UI_URL: httpUrl.prefault('http://localhost:8233'),
  TEMPORAL_TLS: yesOrNo('no'),
  TEMPORAL_TLS_CA: certificates,
  TEMPORAL_TLS_CERT: certificates,
  TEMPORAL_TLS_KEY: privateKey,
  TEMPORAL_TLS_SERVER_NAME: lineOfText.optional(),
  TEMPORAL_API_KEY: lineOfText.optional(),

  SMTP_URL: checked((text) => {
    if (!/^smtps?:\/\/\S+$/.test(text)) return 'not an smtp(s) URL'
    if (!URL.canParse(text)) return 'not a URL: special characters of user and password must be percent-encoded'
    return SMTP_URL.test(text) ? undefined : 'has a path or parameters: TLS is set by SMTP_STARTTLS and SMTP_TLS_CA'
  }).optional(),
  SMTP_STARTTLS: z.enum(['auto', 'required', 'if-offered', 'never']).prefault('auto'),
  SMTP_TLS_CA: certificates,
} as const

type Values = Readonly<Record<string, unknown>>

const isSet = (values: Values, name: string): boolean => values[name] !== undefined

/** What two variables of a group have wrong together. Each check holds for whoever reads all of the group. */
export const CONNECTION_CHECKS: readonly ConfigCheck[] = [
  { of: namesOf('KAFKA_'), faults: kafkaFaults },
  { of: namesOf('SCHEMA_REGISTRY_'), faults: registryFaults },
  { of: namesOf('TEMPORAL_').filter((name) => name !== 'TEMPORAL_UI_URL'), faults: temporalFaults },
]

function namesOf(prefix: string): string[] {
  return Object.keys(CONNECTION_VARIABLES).filter((name) => name.startsWith(prefix))
}

const onlyWith = (values: Values, names: readonly string[], condition: string): string[] =>
  names.filter((name) => isSet(values, name)).map((name) => `${name}: is not used without ${condition}`)

const missing = (values: Values, names: readonly string[], why: string): string[] =>
  names.filter((name) => !isSet(values, name)).map((name) => `${name}: missing, ${why}`)

/** A certificate of our own has its key with it, and belongs to it. */
function certificateFaults(values: Values, prefix: string): string[] {
  const [certName, keyName] = [`${prefix}_TLS_CERT`, `${prefix}_TLS_KEY`]
  const [cert, key] = [values[certName], values[keyName]]
  if (typeof cert === 'string' && typeof key === 'string') {
    const fault = pairFault(cert, key)
    return fault === undefined ? [] : [`${certName}: ${fault(keyName)}`]
  }
  if (cert === undefined && key === undefined) return []
  return missing(values, [certName, keyName], `a client certificate needs ${certName} and ${keyName}`)
}

const tlsNames = (prefix: string): string[] => ['CA', 'CERT', 'KEY'].map((part) => `${prefix}_TLS_${part}`)

const LOGIN = ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD']
const OAUTH = ['KAFKA_OAUTH_TOKEN_URL', 'KAFKA_OAUTH_CLIENT_ID', 'KAFKA_OAUTH_CLIENT_SECRET']
const OAUTH_ALL = [...OAUTH, 'KAFKA_OAUTH_SCOPE']

function kafkaFaults(values: Values): string[] {
  const protocol = String(values['KAFKA_SECURITY_PROTOCOL'])
  const mechanism = values['KAFKA_SASL_MECHANISM'] as string | undefined
  const tls = protocol.endsWith('SSL')
    ? certificateFaults(values, 'KAFKA')
    : onlyWith(values, tlsNames('KAFKA'), 'KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL')
  if (!protocol.startsWith('SASL_')) {
    const condition = 'KAFKA_SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT'
    return [...tls, ...onlyWith(values, ['KAFKA_SASL_MECHANISM', ...LOGIN, ...OAUTH_ALL], condition)]
  }
  if (mechanism === undefined)
    return [...tls, ...missing(values, ['KAFKA_SASL_MECHANISM'], `KAFKA_SECURITY_PROTOCOL=${protocol} needs it`)]
  const [needed, unused, condition] =
    mechanism === 'OAUTHBEARER'
      ? [OAUTH, LOGIN, 'KAFKA_SASL_MECHANISM=PLAIN or SCRAM']
      : [LOGIN, OAUTH_ALL, 'KAFKA_SASL_MECHANISM=OAUTHBEARER']
  return [
    ...tls,
    ...missing(values, needed, `KAFKA_SASL_MECHANISM=${mechanism} needs it`),
    ...onlyWith(values, unused, condition),
  ]
}

function registryFaults(values: Values): string[] {
  const login = ['SCHEMA_REGISTRY_USERNAME', 'SCHEMA_REGISTRY_PASSWORD']
  const found = login.filter((name) => isSet(values, name))
  const isHttps = String(values['SCHEMA_REGISTRY_URL']).startsWith('https:')
  return [
    ...(found.length === 1 ? missing(values, login, `a login needs ${login.join(' and ')}`) : []),
    ...(found.length > 0 && isSet(values, 'SCHEMA_REGISTRY_TOKEN')
      ? [`SCHEMA_REGISTRY_TOKEN: set together with ${found.join(' and ')}: set only one kind of login`]
      : []),
    ...(isHttps
      ? certificateFaults(values, 'SCHEMA_REGISTRY')
      : onlyWith(values, tlsNames('SCHEMA_REGISTRY'), 'an https URL in SCHEMA_REGISTRY_URL')),
  ]
}

function temporalFaults(values: Values): string[] {
  if (values['TEMPORAL_TLS'] === 'yes') return certificateFaults(values, 'TEMPORAL')
  const names = [...tlsNames('TEMPORAL'), 'TEMPORAL_TLS_SERVER_NAME', 'TEMPORAL_API_KEY']
  return onlyWith(values, names, 'TEMPORAL_TLS=yes')
}
