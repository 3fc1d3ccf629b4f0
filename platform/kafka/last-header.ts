export type RecordHeaders = Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>

/** The value that was added last under a name: ours come on top of those that the record brought along. */
export function lastHeader(headers: RecordHeaders | undefined, name: string): string | undefined {
  const value = headers?.[name]
  return (Array.isArray(value) ? value.at(-1) : value)?.toString()
}

/** The headers without the last value of these names: as they were before somebody put theirs on top. */
export function withoutLast(headers: RecordHeaders | undefined, names: readonly string[]): RecordHeaders {
  const rest: Record<string, RecordHeaders[string]> = { ...headers }
  for (const name of names) {
    const value = rest[name]
    if (Array.isArray(value) && value.length > 1) rest[name] = value.slice(0, -1)
    else Reflect.deleteProperty(rest, name)
  }
  return rest
}
