/** Files that a browser fetches for a page: they say nothing about what somebody looks at. */
export const ASSET_EXTENSIONS: readonly string[] = [
  ...['css', 'js', 'mjs', 'map'],
  ...['png', 'jpg', 'jpeg', 'gif', 'svg', 'ico', 'webp', 'avif', 'bmp'],
  ...['woff', 'woff2', 'ttf', 'otf', 'eot'],
]

const EXTENSIONS = new Set(ASSET_EXTENSIONS)

/** Whether a path (without query) ends in one of the extensions, in upper or lower case. */
export function isStaticAsset(path: string): boolean {
  const dot = path.lastIndexOf('.')
  return dot > path.lastIndexOf('/') && EXTENSIONS.has(path.slice(dot + 1).toLowerCase())
}
