import { FRAMEWORK_URLS } from './labelled-framework-urls.js'
import { SERVICE_URLS } from './labelled-service-urls.js'
import { SHOP_URLS } from './labelled-shop-urls.js'

/** Methods and targets by what they are for. Names in braces stand for parts that vary (`fixture-lines.ts`). */
export interface LabelledUrls {
  readonly page: readonly string[]
  readonly asset: readonly string[]
  readonly api: readonly string[]
}

/** By name of the preset. */
export const LABELLED_URLS: Readonly<Record<string, LabelledUrls>> = {
  ...FRAMEWORK_URLS,
  ...SHOP_URLS,
  ...SERVICE_URLS,
}
