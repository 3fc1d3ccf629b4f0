import kafkajs, { type Mechanism } from 'kafkajs'

const SEPARATOR = '\u0001'

export const TOKEN_REFUSED = 'SASL OAUTHBEARER: the broker refused the token'

/** Bytes as Kafka's protocol has them: their length before them. */
function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/**
 * The login by OAUTHBEARER (RFC 7628). The one of kafkajs takes every answer for a success: a broker that refuses a token answers
 * with the reason, and closes the connection at the next request, which then fails for no reason that anybody could see.
 * @param token gives a token that is valid now
 */
export const oauthBearer = (token: () => Promise<string>): Mechanism => ({
  mechanism: 'oauthbearer',
  authenticationProvider: ({ saslAuthenticate }) => ({
    authenticate: async () => {
      const text = `n,,${SEPARATOR}auth=Bearer ${await token()}${SEPARATOR}${SEPARATOR}`
      const reason = await saslAuthenticate<Buffer>({
        request: { encode: () => withLength(Buffer.from(text)) },
        response: { decode: (answer) => answer.subarray(4), parse: (answer) => answer },
      })
      if (reason !== undefined && reason.length > 0) throw new kafkajs.KafkaJSNonRetriableError(TOKEN_REFUSED)
    },
  }),
})
