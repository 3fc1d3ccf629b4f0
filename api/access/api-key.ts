import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const PREFIX = 'gdn_'
const RANDOM_BYTES = 32
const GIVEN = /^[A-Za-z0-9_-]{32,200}$/

/** A new key: a prefix by which secret scanners find it, and 256 random bits. It is shown once and stored nowhere. */
export const createKey = (): string => PREFIX + randomBytes(RANDOM_BYTES).toString('base64url')

/** Whether a text has the form of a key; what has not is refused without a look at the database. */
export const isKeyShaped = (text: string): boolean => GIVEN.test(text)

/** What is stored of a key. It has 256 random bits: a slow hash would add nothing. */
export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()

/** The id of a key, from its digest: it finds the row, tells nothing of the key, and is safe to show and to log. */
export const keyIdOf = (digest: Buffer): string => `key_${digest.toString('hex').slice(0, 16)}`

/** Compares in a time that does not depend on where two digests differ. */
export const sameDigest = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
