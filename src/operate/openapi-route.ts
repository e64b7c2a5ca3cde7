import { describeOperatorApi } from './openapi.ts'
import { defineRoute, type OperatorRoute } from './route.ts'

/** `GET /openapi.json`: what the API is, for programs. Made when it is first asked for. */
export function openApiRoute(
  routes: readonly OperatorRoute[],
  options: { readonly version: string; readonly basePath: string },
): OperatorRoute {
  let text: string | undefined
  const all: OperatorRoute[] = [...routes]
  const route = defineRoute({
    method: 'GET',
    path: '/openapi.json',
    role: 'observer',
    summary: 'What this API is, in OpenAPI 3.1.',
    handle: async () => {
      text ??= JSON.stringify(describeOperatorApi(all, options))
      return { status: 200, headers: { 'content-type': 'application/json' }, body: text }
    },
  })
  all.push(route)
  return route
}
