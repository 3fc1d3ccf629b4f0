import { FRAMEWORK_URLS } from './labelled-framework-urls.js'
import type { LabelledRequests } from './labelled-requests.js'
import { SERVICE_URLS } from './labelled-service-urls.js'
import { SHOP_URLS } from './labelled-shop-urls.js'

/** By name of the preset. */
export const LABELLED_URLS: Readonly<Record<string, LabelledRequests>> = {
  ...FRAMEWORK_URLS,
  ...SHOP_URLS,
  ...SERVICE_URLS,
}
