/**
 * The answer of a list, from rows that were read one beyond the page.
 * @param limit rows of a page
 * @param show a row in the words of the API
 * @param cursorOf what the next page begins after, by the last one of this page
 */
export function pageOf<Row, Shown>(
  rows: readonly Row[],
  limit: number,
  show: (row: Row) => Shown,
  cursorOf: (last: Shown) => string,
) {
  const data = rows.slice(0, limit).map((row) => show(row))
  const last = rows.length > limit ? data.at(-1) : undefined
  return { data, page: { next_cursor: last === undefined ? null : cursorOf(last), limit } }
}

/** The answer of a list that is always whole. */
export const wholeList = <Shown>(data: Shown[]) => ({ data, page: { next_cursor: null, limit: data.length } })
