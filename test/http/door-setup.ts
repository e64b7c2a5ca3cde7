import { z } from 'zod'
import {
  defineApplication,
  defineQueueProcessor,
  defineService,
  Problem,
  reply,
} from '../../src/define/define.ts'
import type { HttpDoorOptions } from '../../src/http/door.ts'
import { createHttpDoor } from '../../src/http/door.ts'
import { MemoryRoad } from './memory-road.ts'

const hire = defineService({
  name: 'hire-worker',
  input: z.object({ employeeId: z.string(), age: z.number().optional() }),
  maxPayload: 200,
  run: () => ({ account: 'a-1' }),
})
/** Does what its input says. */
const obey = defineService({
  name: 'obey',
  input: z.object({ act: z.string() }),
  execution: 'immediate',
  http: { path: '/v1/obey' },
  queueWhen: (error, input) => error.code === 'CONNECTION_FAILED' && input.act === 'disconnect and queue',
  run: ({ act }, { context, signal }) => {
    if (act === 'reply')
      return reply({ ok: true }, { status: 201, headers: { location: '/accounts/1', 'content-length': '1' } })
    if (act === 'no content') return undefined
    if (act === 'context') return { ...context, aborted: signal.aborted }
    if (act === 'problem')
      throw new Problem({
        status: 409,
        code: 'ALREADY_HIRED',
        detail: 'Employee 42 has an account',
        errors: [{ detail: 'taken', pointer: '#/act' }],
      })
    if (act.startsWith('disconnect'))
      throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' })
    if (act === 'upstream')
      throw Object.assign(new Error('secret: user ada'), { code: 'AccessDenied', status: 403 })
    if (act === 'time out') throw Object.assign(new Error('secret'), { code: 'TIMEOUT' })
    throw new Error('secret in select * from account')
  },
})
const insist = defineService({
  name: 'insist',
  input: z.object({}),
  execution: 'immediate',
  respondAsync: false,
  run: () => ({ ran: true }),
})
const provision = defineQueueProcessor({ name: 'provision', input: z.object({}), process: () => null })
const hr = defineApplication({ name: 'hr', definitions: [hire, obey, insist, provision] })

/** A door before a road in memory. `ask` asks as a client on this machine does. */
export function setupDoor(options: Partial<HttpDoorOptions> = {}) {
  const road = new MemoryRoad(hr)
  const errors: unknown[] = []
  const door = createHttpDoor({
    road,
    durability: 'development',
    name: 'test',
    onError: (error) => errors.push(error),
    ...options,
  })
  const ask = (path: string, init: RequestInit = {}) =>
    door.fetch(new Request(`http://localhost:3000${path}`, init), { loopback: true })
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  /** Accepts a request of `hire-worker` and gives its id. */
  const hireOne = async () => {
    const answer = await post('/services/hr/hire-worker', { employeeId: '42' })
    return ((await answer.json()) as { id: string }).id
  }
  return { road, door, ask, post, hireOne, errors }
}

/** The body of an answer, as a record of anything. */
export async function bodyOf(answer: Response): Promise<Record<string, unknown>> {
  return (await answer.json()) as Record<string, unknown>
}
