import { call } from './request.ts'

/** The paths of the API, as its own description has them: a part that is not built into a node is not among them. */
export async function readOperations(): Promise<ReadonlySet<string>> {
  const { paths } = await call<{ readonly paths: Readonly<Record<string, unknown>> }>('GET', '/openapi.json')
  return new Set(Object.keys(paths))
}
