import { hash } from 'node:crypto'

/** A strong tag of a text: it changes when, and only when, the text does. */
export const etagOf = (text: string): string => `"${hash('sha256', text, 'base64url').slice(0, 27)}"`

/** The tag of the same content in an encoding: another sequence of bytes has another strong tag. */
export const encodedTag = (etag: string, encoding: string): string => `${etag.slice(0, -1)}-${encoding}"`

const ENCODED = /-(gzip|br)"$/

/** The tags that a header lists, whatever encoding they were given with; `*` stands alone. */
const listed = (header: string): string[] => header.split(',').map((part) => part.trim().replace(ENCODED, '"'))

/** Whether `If-None-Match` says that the caller has this content already. A weak tag is enough to say so. */
export const isKnownTo = (header: string | undefined, etag: string): boolean =>
  header !== undefined && listed(header).some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag)

/** Whether `If-Match` allows a change of what has this tag. Only a strong tag does. */
export const allowsChange = (header: string, etag: string): boolean =>
  listed(header).some((tag) => tag === '*' || tag === etag)
