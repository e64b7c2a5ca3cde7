import { createHash } from 'node:crypto'
import { createNode, defineApplication, defineQueueProcessor, type Node } from '../src/index.ts'
import { benchInput } from './definitions.ts'
import { fillItems, type Fill } from './operate-fill.ts'
import { settleDown, type Server } from './server.ts'

/** Answers of the operator's API on a large database. There is no peer: the bar is a time. */
export interface OperateOptions {
  readonly rows: number
  /** How often each is asked. */
  readonly times: number
}

/** A page or a filter, and what it may take. */
interface Case {
  readonly title: string
  readonly path: (turn: number) => string
  readonly barMs: number
  readonly body?: (turn: number) => object
}

const barMs = 300
const textBarMs = 1_000
const hourMs = 3_600_000

const states = ['ready', 'running', 'scheduled', 'held', 'deferred', 'succeeded', 'broken', 'cancelled']

/** Each filter alone, and those together that operators are likely to use. */
function cases(newest: string, middle: string): Case[] {
  const at = (turn: number, everyMs: number): string => new Date(Date.now() - turn * everyMs).toISOString()
  const lists: Readonly<Record<string, (turn: number) => string>> = {
    'no filter': () => '',
    ...Object.fromEntries(states.map((state) => [`state ${state}`, () => `state=${state}`])),
    'states ready, held': () => 'state=ready,held',
    'a queue': (turn) => `queue=queue-${1 + turn}`,
    'a queue, broken': (turn) => `queue=queue-${1 + turn}&state=broken`,
    'a queue, ready': (turn) => `queue=queue-${1 + turn}&state=ready`,
    'a queue, cancelled': (turn) => `queue=queue-${1 + turn}&state=cancelled`,
    'a processor': (turn) => `processor=mail-${1 + turn}`,
    'an application': (turn) => `application=app-${turn % 10}`,
    'a key': (turn) => `key=employee-${turn * 7919}`,
    'a key, broken': (turn) => `key=employee-${turn * 7919}&state=broken`,
    'a key that nothing has': (turn) => `key=nobody-${turn}`,
    'the beginning of a key, few': (turn) => `keyPrefix=employee-${10_000 + turn}`,
    'the beginning of a key, all': () => 'keyPrefix=employee-',
    'a correlation id': (turn) => `correlationId=${md5(turn * 1_000)}`,
    'a causation id': (turn) => `causationId=${asUuid(md5(turn))}`,
    'a caller': (turn) => `caller=key:${(turn % 20) * 2}`,
    'an error code': () => 'errorCode=CONNECTION_FAILED',
    'an hour': (turn) => `from=${at(turn + 1, hourMs)}&to=${at(turn, hourMs)}`,
    'an hour of a queue, succeeded': (turn) =>
      `queue=queue-${1 + turn}&state=succeeded&from=${at(turn + 1, hourMs)}&to=${at(turn, hourMs)}`,
  }
  return [
    ...Object.entries(lists).flatMap(([title, query]) => [
      { title, path: (turn: number) => `/items?${query(turn)}`, barMs },
      { title: `counts: ${title}`, path: (turn: number) => `/items/counts?${query(turn)}`, barMs },
    ]),
    {
      title: 'the middle of the list',
      path: () => `/items?cursor=${Buffer.from(middle).toString('base64url')}`,
      barMs,
    },
    { title: '200 items', path: () => '/items?limit=200', barMs },
    { title: 'an item', path: () => `/items/${newest}`, barMs },
    { title: 'text, often there', path: () => '/items?text=hundred', barMs: textBarMs },
    { title: 'text, nowhere', path: () => '/items?text=nowhere%20at%20all', barMs: textBarMs },
    {
      title: 'preview of a redrive',
      path: () => '/items/preview',
      body: (turn: number) => ({ act: 'redrive', filter: { queue: `queue-${1 + turn}` } }),
      barMs,
    },
  ]
}

/** Fills a database and asks for each page. @returns a table in Markdown, and whether all bars are met */
export async function measureOperate(
  server: Server,
  { rows, times }: OperateOptions,
): Promise<{ readonly report: string; readonly isMet: boolean }> {
  const url = await server.freshDatabase()
  const fill: Fill = { tracked: rows, waiting: rows / 10, broken: rows / 100, queues: 100 }
  const work = defineQueueProcessor({ name: 'work-1', input: benchInput, process: () => null })
  const node = await createNode({
    applications: [defineApplication({ name: 'bench', definitions: [work] })],
    database: url,
    http: false,
    log: false,
  })
  try {
    const startedAt = performance.now()
    await fillItems((text, values) => node.query(text, values), 'coatcheck', fill)
    console.error(`filled in ${Math.round((performance.now() - startedAt) / 1_000)} s`)
    await settleDown(url)
    return await measure(node, times, fill)
  } finally {
    await node.stop()
    await server.dropDatabase(url)
  }
}

async function measure(node: Node, times: number, fill: Fill) {
  const { key } = await node.apiKeys.create({ name: 'bench', roles: ['administrator'] })
  const [newest, middle] = await Promise.all(
    [0, fill.tracked / 2].map(async (offset) => {
      const { rows } = await node.query(
        'select id from coatcheck.tracked_item order by id desc offset $1 limit 1',
        [offset],
      )
      return (rows[0] as { id: string }).id
    }),
  )
  const lines: string[] = []
  let isMet = true
  for (const each of cases(newest ?? '', middle ?? '')) {
    const took: number[] = []
    let found = ''
    for (let turn = 0; turn < times; turn++) {
      const askedAt = performance.now()
      const answer = await ask(node, key, each, turn)
      took.push(performance.now() - askedAt)
      found = answer
    }
    const [p50, p95] = [quantile(took, 0.5), quantile(took, 0.95)]
    if (p95 > each.barMs) isMet = false
    const line = `| ${each.title} | ${p50.toFixed(0)} | ${p95.toFixed(0)} | ≤ ${each.barMs}: ${p95 <= each.barMs ? 'met' : 'missed'} | ${found} |`
    console.error(line)
    lines.push(line)
  }
  const { tracked, waiting, broken, queues } = fill
  const report = [
    '## Operator’s pages',
    `${count(tracked)} tracked items of a week, a tenth of them open, ${count(waiting)} more in the lane, ${count(broken)} broken ones, ${queues} queues; each asked ${times} times, one after the other, with other values each time.`,
    ['|  | p50, ms | p95, ms | bar | the last answer |', '| --- | ---: | ---: | --- | --- |', ...lines].join(
      '\n',
    ),
  ].join('\n\n')
  return { report, isMet }
}

async function ask(node: Node, key: string, { path, body }: Case, turn: number): Promise<string> {
  const answer = await node.fetch(
    new Request(`http://localhost/operate${path(turn)}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body(turn)) }),
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    }),
  )
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${path(turn)} answered ${answer.status}: ${text}`)
  return describe(JSON.parse(text) as Record<string, unknown>)
}

function describe(said: Record<string, unknown>): string {
  const { items, searchedTo, next, count: counted, timeline } = said
  if (Array.isArray(items))
    return `${items.length} items${next === undefined ? '' : ', more'}${searchedTo === undefined ? '' : ', cut'}`
  if (counted !== undefined) return JSON.stringify(counted)
  if (timeline) return 'an item'
  return Object.entries(said as Record<string, { count: number; isAtLeast: boolean }>)
    .filter(([, each]) => each.count > 0)
    .map(([state, each]) => `${state} ${each.count}${each.isAtLeast ? '+' : ''}`)
    .join(', ')
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** As the fill makes them. */
function md5(value: number): string {
  return createHash('md5').update(String(value)).digest('hex')
}

function asUuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
