import { createHash } from 'node:crypto'

/** A page or a filter, and what it may take. */
export interface OperateCase {
  readonly title: string
  readonly path: (turn: number) => string
  readonly barMs: number
  readonly body?: (turn: number) => object
  /** So long nobody asks before each, so that nothing is shown that was read before. */
  readonly restMs?: number
  /** Asks a node that has just been made, which takes longer: a tenth as often. */
  readonly isFresh?: boolean
}

const barMs = 300
const textBarMs = 1_000
const hourMs = 3_600_000
export const firstViewMs = 1_000
/** Figures are kept for a second and a half. */
export const restMs = 1_600

const states = ['ready', 'running', 'scheduled', 'held', 'deferred', 'succeeded', 'broken', 'cancelled']

const range = (turn: number): string => `range=${['1h', '6h', '24h'][turn % 3]}`
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString()

/** The pages beside the list of items. */
const pages: readonly Omit<OperateCase, 'barMs'>[] = [
  { title: 'overview', path: (turn) => `/overview?${range(turn)}`, restMs },
  { title: 'nodes', path: () => '/nodes', restMs },
  { title: 'alerts', path: () => '/alerts' },
  { title: 'queues', path: () => '/queues', restMs },
  { title: 'a queue', path: (turn) => `/queues/queue-${1 + turn}?${range(turn)}`, restMs },
  { title: 'blocked keys of a queue', path: (turn) => `/queues/queue-${1 + turn}/blocked-keys`, restMs },
  { title: 'broken', path: () => '/broken' },
  { title: 'broken, of a queue', path: (turn) => `/broken?queue=queue-${1 + turn}`, restMs },
  { title: 'broken, of a processor', path: (turn) => `/broken?processor=mail-${1 + turn}` },
  { title: 'broken, of a service', path: (turn) => `/broken?processor=take-${1 + turn}` },
  { title: 'services', path: () => '/services', restMs },
  { title: 'applications', path: () => '/applications', restMs },
  { title: 'settings', path: () => '/settings', restMs },
  { title: 'users', path: () => '/users' },
  { title: 'sessions', path: () => '/sessions' },
  { title: 'API keys', path: () => '/api-keys' },
  { title: 'choices of the audit', path: () => '/audit/choices' },
  ...Object.entries<(turn: number) => string>({
    'no filter': () => '',
    'an operator': (turn) => `operator=user:operator-${turn}`,
    'an operator of long ago': (turn) => `operator=link:${1 + turn}`,
    'an act, often': () => 'act=items.redrive',
    'an act, rare': () => 'act=queue.partitions',
    'an act that nobody did': () => 'act=nothing.done',
    'a subject': () => 'subject=queue',
    'a subject and its id': (turn) => `subject=queue&subjectId=queue-${1 + turn}`,
    'an id alone': (turn) => `subjectId=queue-${1 + turn}`,
    'an id alone that nothing has': (turn) => `subjectId=nobody-${turn}`,
    'an operator and an act': (turn) => `operator=user:operator-${turn}&act=items.redrive`,
    'an operator and an act that never was theirs': (turn) =>
      `operator=user:operator-${2 * turn}&act=queue.partitions`,
    'an act of a subject that it never has': () => 'act=items.redrive&subject=queue',
    'an operator of long ago and an act, often': (turn) => `operator=link:${1 + turn}&act=items.redrive`,
    'an hour': (turn) => `from=${ago((turn + 1) * hourMs)}&to=${ago(turn * hourMs)}`,
    'an hour, an operator and an act': (turn) =>
      `operator=user:operator-${turn}&act=items.redrive&from=${ago((turn + 1) * hourMs)}&to=${ago(turn * hourMs)}`,
    'before five days ago, an operator': (turn) =>
      `operator=user:operator-${turn}&to=${ago(120 * hourMs + turn * hourMs)}`,
    '200 lines': () => 'limit=200',
  }).map(([title, query]) => ({
    title: `audit: ${title}`,
    path: (turn: number): string => `/audit?${query(turn)}`,
  })),
]

/** Each filter alone, and those together that operators are likely to use. */
export function operateCases(newest: string, middle: string): OperateCase[] {
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
    'an hour': (turn) => `from=${ago((turn + 1) * hourMs)}&to=${ago(turn * hourMs)}`,
    'an hour of a queue, succeeded': (turn) =>
      `queue=queue-${1 + turn}&state=succeeded&from=${ago((turn + 1) * hourMs)}&to=${ago(turn * hourMs)}`,
  }
  return [
    {
      title: 'overview, of a node that nobody has asked',
      path: () => '/overview',
      barMs: firstViewMs,
      isFresh: true,
    },
    ...pages.map((page) => ({ barMs, ...page })),
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
    { title: 'what came of an item', path: () => `/items/${newest}/later`, barMs },
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

/** As the fill makes them. */
function md5(value: number): string {
  return createHash('md5').update(String(value)).digest('hex')
}

function asUuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
