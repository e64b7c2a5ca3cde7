import type { Browser, Json } from './browser.ts'

/** An operation of the operator's API, as it describes itself. */
export interface Operation {
  readonly method: string
  /** With something in the place of each parameter. */
  readonly path: string
  readonly role: 'anybody' | 'observer' | 'operator' | 'administrator'
}

/** All operations, from the description that the API makes of its routes. */
export async function operationsOf(browser: Browser): Promise<Operation[]> {
  const { paths } = (await browser.json('GET', '/openapi.json')) as {
    paths: Record<string, Record<string, Json>>
  }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, 'nobody'),
      role: operation['x-role'] as Operation['role'],
    })),
  )
}
