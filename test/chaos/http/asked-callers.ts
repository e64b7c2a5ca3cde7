import type { authorizationCells, Callers } from '../../http/authorization-table.ts'
import { askEveryOperation, type Asker } from '../../operate/role-matrix.ts'
import type { Operation } from '../../operate/routes-of.ts'
import { whatItSays } from './guessed-ids.ts'

/** It is in what belongs to one caller, and nobody else is to be told. */
export const canary = 'canary-of-the-maker'

/** Whose credentials nobody knows, and who has a role of the node; the others have none. */
const roles: Readonly<Record<string, Asker['role']>> = {
  nobody: 'unknown',
  'wrong key': 'unknown',
  revoked: 'unknown',
  observer: 'observer',
  operator: 'operator',
  administrator: 'administrator',
  'operator of hr': 'operator',
  'operator of it': 'operator',
  'operator by token': 'operator',
}

const tails = ['', '/result', '?wait=1s', '/events', '/result?wait=1s'] as const
const atOnce = 16

/** Callers of some nodes, and what each of them is answered. */
export class AskedCallers {
  readonly urls: readonly string[]
  readonly callers: Callers
  /** What went wrong, in sentences. */
  readonly wrong: string[] = []

  constructor(urls: readonly string[], callers: Callers) {
    this.urls = urls
    this.callers = callers
  }

  /** @param at which of the nodes */
  send(
    at: number,
    method: string,
    path: string,
    credentials: string | undefined,
    more: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Response> {
    const { body, headers } = more
    return fetch(new URL(path, this.urls[at % this.urls.length]), {
      method,
      headers: {
        ...(credentials !== undefined && { authorization: `Bearer ${credentials}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  }

  /** Hands a request over. @returns its item */
  async hire(at: number, credentials: string | undefined, key?: string): Promise<string> {
    const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': `"${key}"` }
    const more = { body: { text: canary }, headers }
    const answer = await this.send(at, 'POST', '/services/hr/hire', credentials, more)
    return ((await answer.json()) as { id: string }).id
  }

  /** Every caller at every door of each node. @returns how many cells that were, and how many were not as they should be */
  async askMatrix(
    cells: ReturnType<typeof authorizationCells>,
  ): Promise<{ readonly cells: number; readonly wrong: number }> {
    const before = this.wrong.length
    for (const at of this.urls.keys())
      for (const { method, path, caller, status } of cells) {
        const more = method === 'POST' ? { body: {} } : {}
        const answer = await this.send(at, method, path, this.callers[caller], more)
        const tells = status !== 200 && (await answer.text()).includes(canary)
        if (answer.status !== status || tells)
          this.wrong.push(`${method} ${path} by ${caller}: ${answer.status}, not ${status}`)
      }
    return { cells: this.urls.length * cells.length, wrong: this.wrong.length - before }
  }

  /** Every caller at every operation of the operator's API, on each node. @returns as `askMatrix` */
  async askOperations(
    operations: readonly Operation[],
  ): Promise<{ readonly cells: number; readonly wrong: number }> {
    const askers = Object.entries(this.callers).map(([name, credentials]): Asker => ({
      name,
      credentials,
      role: roles[name] ?? 'none',
      isOfOneGroup: name.startsWith('operator of'),
    }))
    const before = this.wrong.length
    let cells = 0
    for (const url of this.urls) {
      const asked = await askEveryOperation(url, operations, askers)
      cells += asked.cells
      this.wrong.push(...asked.wrong)
    }
    return { cells, wrong: this.wrong.length - before }
  }

  /** All who may not see them ask for items of the maker. @returns how often, and how often they were told anything */
  async askForOthers(items: readonly string[]): Promise<{ readonly asked: number; readonly leaks: number }> {
    const strangers = (['other', 'hire only', 'payroll', 'operator of it', 'token'] as const).map(
      (name) => this.callers[name],
    )
    const count = { asked: 0, leaks: 0 }
    for (const [at, id] of items.entries())
      for (const stranger of strangers)
        for (const tail of tails) {
          const answer = await this.send(at, 'GET', `/queue-items/${id}${tail}`, stranger)
          const text = await answer.text()
          count.asked++
          if (answer.status === 404 && !text.includes(canary)) continue
          count.leaks++
          this.wrong.push(`GET ${id}${tail}: ${answer.status}`)
        }
    return count
  }

  /** An operator of another group looks for items of the maker and acts on them. @returns as `askForOthers` */
  async operateOnOthers(
    items: readonly string[],
  ): Promise<{ readonly asked: number; readonly leaks: number }> {
    const count = { asked: 0, leaks: 0 }
    const stranger = this.callers['operator of it']
    for (const [at, id] of items.entries())
      for (const { method, path, body, says } of [
        { method: 'GET', path: `/items/${id}`, says: /ITEM_NOT_FOUND/ },
        { method: 'POST', path: `/items/${id}/acts`, body: { act: 'clone' }, says: /ITEM_NOT_FOUND/ },
        { method: 'GET', path: `/items?ids=${id}`, says: /^\{"items":\[\]\}$/ },
        {
          method: 'POST',
          path: '/items/preview',
          body: { act: 'clone', filter: { ids: [id] } },
          says: /^\{"count":0,/,
        },
      ]) {
        const answer = await this.send(at, method, `/operate${path}`, stranger, { body })
        const text = await answer.text()
        count.asked++
        if (says.test(text) && !text.includes(canary)) continue
        count.leaks++
        this.wrong.push(`${method} ${path} by an operator of another group: ${answer.status} ${text}`)
      }
    return count
  }

  /** @returns how many results their own caller gets */
  async askForOwn(items: readonly string[]): Promise<number> {
    let own = 0
    for (const [at, id] of items.entries()) {
      const answer = await this.send(at, 'GET', `/queue-items/${id}/result`, this.callers.maker)
      if (answer.status === 200 && (await answer.text()).includes(canary)) own++
    }
    return own
  }

  /** Two callers take the same keys. @returns how many of them do not stand for one item of each */
  async shareKeys(count: number): Promise<number> {
    let shared = 0
    for (let at = 0; at < count; at++) {
      const first = await this.hire(at, this.callers.maker, `order-${at}`)
      const other = await this.hire(at + 1, this.callers.other, `order-${at}`)
      if (first === other || first !== (await this.hire(at + 1, this.callers.maker, `order-${at}`))) shared++
    }
    return shared
  }

  /** A stranger asks for each. @returns all that was said, and how often */
  async guess(ids: Iterable<string>): Promise<ReadonlyMap<string, number>> {
    const said = new Map<string, number>()
    const queue = ids[Symbol.iterator]()
    let asked = 0
    const askOn = async (at: number): Promise<void> => {
      for (let next = queue.next(); !next.done; next = queue.next()) {
        const tail = tails[asked++ % tails.length] ?? ''
        const answer = await this.send(at, 'GET', `/queue-items/${next.value}${tail}`, this.callers.other)
        const text = await whatItSays(answer, next.value)
        said.set(text, (said.get(text) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, (_, at) => askOn(at)))
    return said
  }
}
