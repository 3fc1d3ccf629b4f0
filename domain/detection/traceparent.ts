/** Version 00 of W3C Trace Context: version, trace id, id of the parent span, flags. Ids of zeros are none. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The traceparent that an event came with, when it is one: headers are written by others, and evidence is kept. */
export const traceparentOf = (header: string | undefined): string | undefined =>
  header !== undefined && TRACEPARENT.test(header) ? header : undefined
