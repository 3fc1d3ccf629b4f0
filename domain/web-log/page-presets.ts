import type { PageRule, RequestClass, RuleMatch } from './page-rules.js'

const rules =
  (as: RequestClass) =>
  (match: RuleMatch, ...values: readonly string[]): PageRule[] =>
    values.map((value) => ({ match, value, class: as }))
const asset = rules('asset')
const api = rules('api')

/** What is unmistakable wherever it occurs; every preset has it behind its own rules. */
const EVERYWHERE: readonly PageRule[] = [
  ...api('segment', '_next/data', '_app/remote', '_actions', '_server-islands', '__nuxt_island', '__manifest'),
  ...api('query-parameter', '_rsc', '_data', 'x-sveltekit-invalidated', 'wc-ajax', 'rest_route'),
  ...api('segment', 'graphql', 'wp-json', 'wp-admin/admin-ajax.php', 'xmlrpc.php', 'wp-cron.php'),
  ...asset('segment', '_next', '_nuxt', '_ipx', '_app', '_astro', '_image', '_vercel/image', '.netlify/images'),
  // imgproxy: `/<signature>/rs:fit:300:300/plain/https://…`; thumbor: `/unsafe/300x200/smart/…`; Cloudinary.
  ...asset('contains', '/rs:', '/resize:', '/plain/http'),
  ...asset('segment', 'insecure', 'unsafe', 'image/upload', 'image/fetch', 'video/upload'),
  ...asset('query-parameter', 'SERVICE=WMTS', 'service=WMTS', 'SERVICE=WMS', 'service=WMS', 'service=wms'),
  ...asset('segment', 'cdn-cgi/image', 'wp-content', 'wp-includes'),
  ...api('segment', '_vercel', 'cdn-cgi', '.well-known', 'socket.io'),
  ...api('prefix', '/api/'),
  ...asset('extension', 'css', 'js', 'mjs', 'map', 'wasm', 'webmanifest'),
  ...asset(
    'extension',
    'png',
    'jpg',
    'jpeg',
    'jfif',
    'gif',
    'svg',
    'ico',
    'webp',
    'avif',
    'bmp',
    'jxl',
    'heic',
    'apng',
  ),
  ...asset('extension', 'woff', 'woff2', 'ttf', 'otf', 'eot'),
  ...asset('extension', 'mp4', 'm4v', 'm4s', 'webm', 'mov', 'mp3', 'm4a', 'ogg', 'm3u8', 'mpd', 'vtt'),
  ...asset('extension', 'pbf', 'mvt', 'glb', 'gltf', 'usdz'),
  ...api('extension', 'json', 'jsonp', 'geojson', 'topojson', 'ndjson', 'data', 'rsc'),
]

const NEXT: readonly PageRule[] = [
  // Metadata files: `/product/42/opengraph-image-1wdnqz`, `/icon?3f2a`.
  ...asset('contains', '/opengraph-image', '/twitter-image'),
  ...asset('segment', 'icon', 'apple-icon'),
  ...api('prefix', '/monitoring', '/__nextjs_'),
]

const NUXT: readonly PageRule[] = [
  ...asset('segment', '_fonts', '_scripts', '_og', '__og-image__', '__og_image__'),
  ...api('segment', '__nuxt_content', '__nuxt_error'),
]

const SVELTEKIT: readonly PageRule[] = [...api('suffix', '__data.json'), ...api('segment', '_app/version.json')]

const REMIX: readonly PageRule[] = [...asset('prefix', '/build/', '/assets/'), ...api('prefix', '/resources/')]

const MAGENTO: readonly PageRule[] = [
  ...asset('prefix', '/static/', '/media/', '/pub/static/', '/pub/media/'),
  ...asset('segment', 'static.php', 'get.php', 'swatches/ajax/media'),
  ...api('segment', 'customer/section/load', 'customer/ajax', 'page_cache/block', 'search/ajax', 'banner/ajax'),
  ...api('segment', 'catalog/product_frontend_action', 'review/product/listAjax', 'checkout/sidebar'),
  ...api('segment', 'checkout/cart/updateItemQty', 'swatches/ajax'),
  ...api('prefix', '/rest/'),
  ...api('query-parameter', 'isAjax', 'ajax', 'isAjaxRequest'),
]

const SHOPIFY: readonly PageRule[] = [
  ...asset('prefix', '/cdn/', '/web-pixels', '/wpm@', '/checkouts/internal/'),
  ...api('segment', 'cart/add', 'cart/update', 'cart/change', 'cart/clear', 'recommendations/products'),
  ...api('segment', 'search/suggest', 'payments/config', 'sf_private_access_tokens'),
  ...api('prefix', '/apps/'),
  ...api('query-parameter', 'section_id', 'sections'),
  // `/cart.js`, `/products/red-shoe.js`: themes have their own files under `/cdn/`.
  ...api('extension', 'js'),
]

const WORDPRESS: readonly PageRule[] = [
  ...asset('segment', 'wp-admin/load-styles.php', 'wp-admin/load-scripts.php'),
  ...api('segment', 'feed', 'wc-api', 'wp-trackback.php'),
  ...api('query-parameter', 'wc-api', 'doing_wp_cron'),
]

const PRESTASHOP: readonly PageRule[] = [
  ...api('query-parameter', 'ajax', 'from-xhr', 'controller=ajax'),
  ...api('segment', 'ajax', 'ajax.php', 'webservice'),
  ...asset('prefix', '/img/', '/themes/', '/modules/', '/upload/'),
]

const SHOPWARE: readonly PageRule[] = [
  ...api('segment', 'widgets', 'store-api', 'suggest', 'checkout/offcanvas', 'cookie/offcanvas', 'menu/offcanvas'),
  ...api('segment', 'cookie/consent-offcanvas', 'quickview', 'country/country-state-data', 'csrf/generate'),
  ...api('segment', 'wishlist/products', 'wishlist/add', 'wishlist/remove', 'wishlist/merge'),
  ...asset('prefix', '/bundles/', '/theme/', '/media/', '/thumbnail/'),
]

const SYLIUS: readonly PageRule[] = [
  ...api('segment', '_partial', '_fragment', '_components', 'ajax', '_wdt', '_profiler'),
  ...asset('prefix', '/media/', '/build/', '/bundles/', '/assets/'),
]

/** Shops whose pages are made in the browser, with a commerce server behind them. */
const HEADLESS: readonly PageRule[] = [
  ...api('prefix', '/store/', '/rest/', '/rpc/', '/trpc/', '/jsonapi/', '/v1/', '/v2/', '/v3/'),
  ...api('segment', 'api'),
]

const TILES: readonly PageRule[] = [
  ...asset('segment', 'tiles', 'tile', 'wmts', 'wms', 'vt', 'MapServer/export'),
  ...api('segment', 'arcgis/rest', 'tilejson'),
]

/** imgproxy's shorter options: `/<signature>/s:300:300/…`. The other image services are known everywhere. */
const IMAGES: readonly PageRule[] = asset(
  'contains',
  '/s:',
  '/size:',
  '/w:',
  '/h:',
  '/pr:',
  '/preset:',
  '/plain/s3:',
  '/plain/gs:',
  '/plain/local:',
)

interface PagePreset {
  readonly rules: readonly PageRule[]
  /** What it is for, in a few words. */
  readonly about: string
}

/** Rules by the name of what a shop is made with. */
export const PAGE_PRESETS = {
  default: { rules: [], about: 'files by extension, JSON, /api/, and the paths that only one framework has' },
  next: { rules: NEXT, about: 'Next.js' },
  nuxt: { rules: NUXT, about: 'Nuxt' },
  sveltekit: { rules: SVELTEKIT, about: 'SvelteKit' },
  remix: { rules: REMIX, about: 'Remix, React Router' },
  astro: { rules: [], about: 'Astro' },
  magento: { rules: MAGENTO, about: 'Magento, Adobe Commerce' },
  shopify: { rules: SHOPIFY, about: 'Shopify' },
  woocommerce: { rules: WORDPRESS, about: 'WooCommerce, WordPress' },
  prestashop: { rules: PRESTASHOP, about: 'PrestaShop' },
  shopware: { rules: SHOPWARE, about: 'Shopware 6' },
  sylius: { rules: SYLIUS, about: 'Sylius, Symfony' },
  headless: { rules: HEADLESS, about: 'a commerce API behind pages made in the browser (Medusa, Saleor, Strapi)' },
  tiles: { rules: TILES, about: 'map tiles without an extension, WMS and WMTS' },
  images: { rules: IMAGES, about: 'more of imgproxy; what thumbor, Cloudinary and others have is known everywhere' },
} as const satisfies Readonly<Record<string, PagePreset>>

export type PagePresetName = keyof typeof PAGE_PRESETS
export const PAGE_PRESET_NAMES = Object.keys(PAGE_PRESETS) as readonly PagePresetName[]

export const isPagePresetName = (name: string): name is PagePresetName => Object.hasOwn(PAGE_PRESETS, name)

/** The rules of some presets, in their order, and then those that hold everywhere. */
export const rulesOfPresets = (names: readonly PagePresetName[]): readonly PageRule[] => [
  ...names.flatMap((name) => PAGE_PRESETS[name].rules),
  ...EVERYWHERE,
]
