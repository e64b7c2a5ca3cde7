import { setTimeout as sleep } from 'node:timers/promises'
import {
  createNode,
  defineApplication,
  defineQueueProcessor,
  defineRequestProcessor,
  defineService,
  type Node,
} from '../src/index.ts'
import { benchInput } from './definitions.ts'
import { firstViewMs, operateCases, restMs, type OperateCase } from './operate-cases.ts'
import { fillDesk } from './operate-fill-desk.ts'
import { fillItems, type Fill } from './operate-fill.ts'
import { measureViews } from './operate-view.ts'
import { settleDown, type Server } from './server.ts'

/** Answers of the operator's API on a large database. There is no peer: the bar is a time. */
export interface OperateOptions {
  readonly rows: number
  /** How often each is asked. */
  readonly times: number
}

/** Fills a database and asks for each page. @returns a table in Markdown, and whether all bars are met */
export async function measureOperate(
  server: Server,
  { rows, times }: OperateOptions,
): Promise<{ readonly report: string; readonly isMet: boolean }> {
  const url = await server.freshDatabase()
  const fill: Fill = { tracked: rows, waiting: rows / 10, broken: rows / 100, queues: 100 }
  const work = defineQueueProcessor({ name: 'work-1', input: benchInput, process: () => null })
  const services = Array.from({ length: fill.queues }, (_, nth) => nth).flatMap((nth) => {
    const requestProcessor = defineRequestProcessor({
      name: `requests-${1 + nth}`,
      queues: [{ queue: `queue-${1 + nth}` }],
    })
    const name = `take-${1 + nth}`
    return [requestProcessor, defineService({ name, input: benchInput, requestProcessor, run: () => null })]
  })
  const makeNode = (): Promise<Node> =>
    createNode({
      applications: [defineApplication({ name: 'bench', definitions: [work, ...services] })],
      database: url,
      http: { port: 0 },
      // It answers, and leaves the items where they are.
      nodeTypes: ['web'],
      log: false,
    })
  const node = await makeNode()
  try {
    const startedAt = performance.now()
    const query = (text: string, values?: unknown[]) => node.query(text, values)
    await fillItems(query, 'coatcheck', fill)
    await fillDesk(query, 'coatcheck', { queues: fill.queues, lines: fill.tracked / 10 })
    console.error(`filled in ${Math.round((performance.now() - startedAt) / 1_000)} s`)
    await settleDown(url)
    await node.start()
    return await measure(node, makeNode, times, fill)
  } finally {
    await node.stop()
    await server.dropDatabase(url)
  }
}

async function measure(node: Node, makeNode: () => Promise<Node>, times: number, fill: Fill) {
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
  const add = (title: string, took: readonly number[], barMs: number, found: string): void => {
    const [p50, p95] = [quantile(took, 0.5), quantile(took, 0.95)]
    if (p95 > barMs) isMet = false
    const line = `| ${title} | ${p50.toFixed(0)} | ${p95.toFixed(0)} | ≤ ${barMs}: ${p95 <= barMs ? 'met' : 'missed'} | ${found} |`
    console.error(line)
    lines.push(line)
  }
  for (const each of operateCases(newest ?? '', middle ?? '')) {
    const took: number[] = []
    let found = ''
    for (let turn = 0; turn < (each.isFresh ? Math.ceil(times / 10) : times); turn++) {
      if (each.restMs !== undefined) await sleep(each.restMs)
      const asked = each.isFresh ? await makeNode() : node
      const askedAt = performance.now()
      const answer = await ask(asked, key, each, turn)
      took.push(performance.now() - askedAt)
      found = answer
      if (asked !== node) await asked.stop()
    }
    add(each.title, took, each.barMs, found)
  }
  const views = await measureViews(node, Math.ceil(times / 4), () => sleep(restMs))
  for (const { title, tookMs } of views ?? [])
    add(`in a browser that has nothing of it: ${title}`, tookMs, firstViewMs, 'shown')
  const { tracked, waiting, broken, queues } = fill
  const report = [
    '## Operator’s pages',
    `${count(tracked)} tracked items of a week, a tenth of them open, ${count(waiting)} more in the lane, ${count(broken)} broken ones, ${queues} queues of three definitions each, a service among them, ${count(tracked / 10)} lines in the audit; each asked ${times} times, one after the other, with other values each time; fresh nodes a tenth as often, browsers (Chromium) a quarter. A page of figures is asked for when those of the last time are forgotten.${views ? '' : ' There was no Chromium: first views are not measured.'}`,
    ['|  | p50, ms | p95, ms | bar | the last answer |', '| --- | ---: | ---: | --- | --- |', ...lines].join(
      '\n',
    ),
  ].join('\n\n')
  return { report, isMet }
}

async function ask(node: Node, key: string, { path, body }: OperateCase, turn: number): Promise<string> {
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

function describe(said: Record<string, unknown> | unknown[]): string {
  if (Array.isArray(said)) return `${said.length}`
  const { items, searchedTo, next, count: counted, timeline, name, attention, acts, settings } = said
  if (Array.isArray(items))
    return `${items.length} items${next === undefined ? '' : ', more'}${searchedTo === undefined ? '' : ', cut'}`
  if (counted !== undefined) return JSON.stringify(counted)
  if (timeline) return 'an item'
  if (typeof name === 'string') return name
  for (const [of, list] of Object.entries({
    attention,
    acts,
    settings,
    others: said['others'],
    nodes: said['nodes'],
  }))
    if (Array.isArray(list)) return `${of}: ${list.length}`
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
