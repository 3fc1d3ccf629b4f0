/** A request with a body of JSON, or with none. */
export const sendJson = (
  url: string,
  method: string,
  headers: Record<string, string>,
  body?: object,
): Promise<Response> =>
  fetch(url, {
    method,
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
