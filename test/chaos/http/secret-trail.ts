import type { Node } from '../../../src/index.ts'
import { waitUntil } from '../wait-until.ts'
import type { CanaryHunt, SecretShape } from './canaries.ts'
import { payloadOf } from './canaries.ts'
import { guard } from './secrets.ts'

type Who = 'caller' | 'stranger' | 'observer' | 'operator' | 'administrator'

/** What was answered, and to whom. */
interface Heard {
  readonly who: Who
  readonly where: string
  readonly text: string
}

const ended: readonly unknown[] = ['succeeded', 'broken', 'cancelled']

/** Secrets on every way through a node, and all that is answered on it. */
export class SecretTrail {
  readonly wrongPassword = 'cnry guess of ada'
  #url: string
  readonly #client: Node
  readonly #keys: Readonly<Record<Who, string>>
  readonly #heard: Heard[] = []
  readonly #items: string[] = []

  private constructor(url: string, client: Node, keys: Readonly<Record<Who, string>>) {
    this.#url = url
    this.#client = client
    this.#keys = keys
  }

  static async begin(url: string, client: Node): Promise<SecretTrail> {
    const keyOf = async (...roles: string[]) =>
      (await client.apiKeys.create({ name: 'x', ...(roles.length > 0 && { roles }) })).key
    return new SecretTrail(url, client, {
      caller: await keyOf(),
      stranger: await keyOf(),
      observer: await keyOf('observer'),
      operator: await keyOf('operator'),
      administrator: await keyOf('administrator'),
    })
  }

  get keys(): readonly string[] {
    return Object.values(this.#keys)
  }

  /** The node has gone; another one answers. */
  moveTo(url: string): void {
    this.#url = url
  }

  async #ask(
    who: Who,
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<string> {
    const answer = await fetch(new URL(path, this.#url), {
      method,
      headers: {
        authorization: `Bearer ${this.#keys[who]}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    this.#heard.push({ who, where: `${method} ${path}`, text: JSON.stringify([...answer.headers]) + text })
    return text
  }

  /** Sends every shape on every way, and waits for the end of all. @returns how often */
  async lay(shapes: readonly SecretShape[], callbackUrl: string): Promise<number> {
    let sent = 0
    const payloads = [...shapes.map((shape) => payloadOf([shape])), payloadOf(shapes)]
    for (const [at, payload] of payloads.entries()) {
      for (const what of ['succeed', 'retry', 'reject', 'throw']) {
        const headers = { 'callback-url': `${callbackUrl}-${at}`, 'idempotency-key': `"${what}-${at}"` }
        const text = await this.#ask(
          'caller',
          'POST',
          '/services/secrets/keep',
          { ...payload, what },
          headers,
        )
        const { id } = JSON.parse(text) as { id?: string }
        if (id === undefined) throw new Error(`It was not accepted: ${text.slice(0, 500)}`)
        this.#items.push(id)
        sent++
      }
      for (const what of ['succeed', 'throw', 'problem'])
        await this.#ask('caller', 'POST', '/services/secrets/ask', { ...payload, what })
      await this.#ask('stranger', 'POST', '/services/secrets/strict', payload)
      // The one that breaks keeps the key: nothing comes behind it.
      for (const what of ['succeed', 'retry', 'reject'] as const)
        this.#items.push(await this.#client.enqueue(guard, { ...payload, what, nr: at }))
      sent += 7
    }
    await waitUntil('the items with secrets have ended', 60_000, async () => {
      const items = await Promise.all(this.#items.map((id) => this.#client.item(id)))
      return items.every((item) => ended.includes(item?.state))
    })
    return sent
  }

  /** Follows what is told live, until `end`. */
  watch(hunt: CanaryHunt): { readonly end: () => Promise<void> } {
    const leaving = new AbortController()
    const streams = ['/live', '/queues/guard/trace', '/queues/standard/trace'].map(async (path) => {
      let text = ''
      try {
        const answer = await fetch(new URL(`/operate${path}`, this.#url), {
          headers: { authorization: `Bearer ${this.#keys.observer}` },
          signal: leaving.signal,
        })
        for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>)
          text += Buffer.from(piece).toString()
      } catch {
        // it was left, or its node has died
      }
      hunt.look(`the stream ${path}`, text)
    })
    return {
      end: async () => {
        leaving.abort()
        await Promise.all(streams)
      },
    }
  }

  /** Acts of operators whose words hold secrets, old ones and others. */
  async actOn(shapes: readonly SecretShape[], others: readonly SecretShape[]): Promise<void> {
    const items = await Promise.all(this.#items.map((id) => this.#client.item(id)))
    const broken = items.filter((item) => item !== undefined).filter(({ state }) => state === 'broken')
    for (const [at, { id, input: before }] of broken.entries()) {
      const shape = others[at % others.length]
      const { nr } = before as { nr?: number }
      const input = { ...payloadOf(shape ? [shape] : []), what: 'reject', ...(nr !== undefined && { nr }) }
      const path = `/operate/items/${id}/acts`
      await this.#ask('operator', 'POST', path, { act: 'edit', input, reason: 'corrected' })
      await this.#ask('operator', 'POST', path, { act: 'clone', input: { ...input, what: 'succeed' } })
      if (at % 4 === 0) await this.#ask('operator', 'POST', path, { act: 'requeue' })
    }
    for (const value of shapes.flatMap(({ values }) => values).filter(({ length }) => length <= 200)) {
      const filter = { text: value, key: value }
      await this.#ask('administrator', 'POST', '/operate/items/acts', { act: 'resume', filter })
    }
    await this.#ask('stranger', 'POST', '/operate/sign-in', { name: 'ada', password: this.wrongPassword })
  }

  /** Asks all that can be asked. @returns how many answers were looked through */
  async askAll(hunts: {
    readonly everywhere: CanaryHunt
    readonly onlyCredentials: CanaryHunt
    /** What administrators are shown: there it has to be found. */
    readonly shown: CanaryHunt
  }): Promise<number> {
    const { everywhere, onlyCredentials, shown } = hunts
    for (const id of this.#items) {
      shown.look(id, await this.#ask('administrator', 'GET', `/operate/items/${id}`))
      for (const who of ['observer', 'operator'] as const) await this.#ask(who, 'GET', `/operate/items/${id}`)
      for (const who of ['stranger', 'observer', 'operator'] as const)
        for (const door of ['', '?wait=1s', '/result', '/events'])
          await this.#ask(who, 'GET', `/queue-items/${id}${door}`)
      await this.#ask('caller', 'GET', `/queue-items/${id}`)
    }
    const lists = [
      '/items?limit=200',
      '/items?state=broken&limit=200',
      '/items/counts',
      '/broken',
      '/overview',
    ]
    const things = [
      '/queues',
      '/queues/guard',
      '/queues/guard/blocked-keys',
      '/nodes',
      '/alerts',
      '/services',
    ]
    const house = [
      '/audit?limit=200',
      '/sessions',
      '/session',
      '/users',
      '/api-keys',
      '/openapi.json',
      '/sign-in',
    ]
    for (const path of [...lists, ...things, ...house])
      for (const who of ['observer', 'operator', 'administrator'] as const)
        await this.#ask(who, 'GET', `/operate${path}`)
    for (const act of ['edit', 'edit.asked', 'clone', 'requeue', 'bulk.resume', 'bulk.resume.begun'])
      await this.#ask('observer', 'GET', `/operate/audit?limit=200&act=${act}`)
    for (const path of ['/openapi.json', '/docs', '/', '/healthz', '/readyz', '/console'])
      await this.#ask('stranger', 'GET', path)
    for (const { who, where, text } of this.#heard) {
      // Callers get what is their own, and administrators see all.
      const mayHold = who === 'caller' || who === 'administrator'
      const hunt = mayHold ? onlyCredentials : everywhere
      hunt.look(`${where} to the ${who}`, text)
    }
    return this.#heard.length
  }
}
