import { after, type TestContext } from 'node:test'
import type { AnyDefinition } from '../../src/define/application.ts'
import { defineApplication } from '../../src/define/define.ts'
import type { Driver } from '../../src/store/driver.ts'
import { openPgliteDriver } from '../../src/store/pglite-driver.ts'
import { createTestNode, type TestNode, type TestNodeOptions } from '../../src/testing/testing.ts'
import { freshSchema, pooled, testDatabase } from '../databases.ts'

const shared = 'memory://flows'
let keeper: Promise<Driver> | undefined
// Here and not where it is opened: within a test it would be for that test.
after(async () => (await keeper)?.close())

/** Where a flow runs: the database of the run, and a schema that nobody else uses. */
export interface Place {
  readonly schema: string
  readonly database: string
  readonly directory?: string
  /** Off behind a pooler. */
  readonly preparedStatements?: boolean
}

/** A place of its own. On PGlite all places of a file share one instance, which stays open until the file has ended. */
export async function freshPlace(): Promise<Place> {
  const { url } = testDatabase()
  if (url !== undefined) return { schema: freshSchema(), database: url, ...pooled() }
  await (keeper ??= openPgliteDriver(shared))
  return { schema: freshSchema(), database: 'embedded', directory: shared }
}

export interface SetupOptions extends Omit<TestNodeOptions, 'applications'> {
  /** Where another node of the test is already. */
  readonly place?: Place
}

/** A node that knows the definitions, with a virtual clock, started; stopped when the test ends. */
export async function setup(
  t: TestContext,
  definitions: readonly AnyDefinition[],
  { place, ...options }: SetupOptions = {},
): Promise<TestNode & { readonly place: Place }> {
  const where = place ?? (await freshPlace())
  const node = await createTestNode({
    applications: [defineApplication({ name: 'flows', definitions })],
    ...where,
    ...options,
  })
  t.after(() => node.stop())
  return Object.assign(node, { place: where })
}
