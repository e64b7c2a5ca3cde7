import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import {
  createClient,
  type ServiceInput,
  type ServiceName,
  type ServiceResult,
} from '../../src/client/client.ts'
import { defineApplication, defineQueueProcessor, defineService } from '../../src/define/define.ts'
import type { Equal, Expect } from './expect.ts'

const hire = defineService({
  name: 'hire',
  input: z.object({ employeeId: z.string(), on: z.coerce.date<string>() }),
  run: () => ({ account: 'a', at: new Date(0) }),
})
const base = defineService({ name: 'base', input: z.object({ n: z.number() }), run: () => 1 })
const overridden = defineService({ name: 'hire', input: z.string(), run: () => true })
const work = defineQueueProcessor({ name: 'work', input: z.object({}), process: () => null })
const below = defineApplication({ name: 'below', definitions: [base, overridden] })
const app = defineApplication({ name: 'hr', definitions: [hire, work], uses: [below] })
type App = typeof app

export type Names = [
  Expect<Equal<ServiceName<App>, 'hire' | 'base'>>,
  // its own one, not the one that it overrides
  Expect<Equal<ServiceInput<App, 'hire'>, { employeeId: string; on: string }>>,
  Expect<Equal<ServiceResult<App, 'hire'>, { account: string; at: string }>>,
  Expect<Equal<ServiceInput<App, 'base'>, { n: number }>>,
  Expect<Equal<ServiceResult<App, 'base'>, number>>,
]

test('a client knows the services of its application', () => {
  const client = createClient<App>({ baseUrl: 'http://127.0.0.1:1', application: 'hr', retries: 0 })
  const use = async () => {
    const answer = await client.call('hire', { employeeId: '42', on: '2026-01-31' })
    const account: string = answer.account
    // @ts-expect-error no service of that name
    await client.call('work', {})
    // @ts-expect-error another input
    await client.call('base', { n: '1' })
    return account
  }
  assert.equal(typeof use, 'function')
})
