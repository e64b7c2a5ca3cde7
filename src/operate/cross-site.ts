import { CoatcheckError } from '../base/errors.ts'
import { showValue } from '../base/shown-value.ts'
import type { HttpRequest } from '../http/message.ts'

/**
 * Lets an act through that came with a cookie: a page of ours has to have sent it. A browser says so in `Sec-Fetch-Site`, an older
 * one in `Origin`; pages can change neither. Who sends neither is no browser, and has no business with a browser's cookie.
 * @throws CoatcheckError `CROSS_SITE_REFUSED`
 */
export function checkIsOurPage(request: HttpRequest): void {
  const { headers } = request
  if (!headers.has('sec-fetch-site') && !headers.has('origin'))
    throw new CoatcheckError(
      'CROSS_SITE_REFUSED',
      'the request came with a cookie, but neither Sec-Fetch-Site nor Origin says which page sent it; programs send an API key',
    )
  checkIsOurOrigin(request)
}

/**
 * Lets a request through that no page of another origin sent: signing somebody in who did not ask for it would be such a
 * page's gain too.
 * @throws CoatcheckError `CROSS_SITE_REFUSED`
 */
export function checkIsOurOrigin({ headers, host }: HttpRequest): void {
  const site = headers.get('sec-fetch-site')
  if (site !== null) {
    if (site.toLowerCase() === 'same-origin') return
    throw new CoatcheckError(
      'CROSS_SITE_REFUSED',
      `Sec-Fetch-Site is ${showValue(site)}; only pages of this node may ask for that`,
    )
  }
  const origin = headers.get('origin')
  const own = headers.get('host') ?? host
  if (origin === null || isOf(origin, own)) return
  throw new CoatcheckError(
    'CROSS_SITE_REFUSED',
    `Origin is ${showValue(origin)}, which is not of ${showValue(own)}; only pages of this node may ask for that`,
  )
}

/** Whatever the scheme: TLS may end at a proxy. The port stands in both, or in neither. */
function isOf(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false
  const { protocol, host: named } = new URL(origin)
  if (!/^https?:$/.test(protocol) || !URL.canParse(`${protocol}//${host}`)) return false
  return named === new URL(`${protocol}//${host}`).host
}
