import type { Node } from '../../../src/index.ts'
import { waitUntil } from '../wait-until.ts'
import { asHeader, hostileTexts, keep } from './hostile.ts'

/** What was put into a node, and may be looked at. */
export interface Planted {
  /** Items that failed, one of each text; the others. */
  readonly broken: readonly string[]
  readonly others: readonly string[]
  /** Places that took a text as it was, of which some refuse some. */
  readonly taken: number
}

/** Fills all that outsiders, callers and operators of a node can fill with each of the hostile texts. */
export async function plantHostileTexts(url: string, client: Node): Promise<Planted> {
  const planted = { broken: [] as string[], others: [] as string[], taken: 0 }
  for (const [at, text] of hostileTexts.entries()) {
    const guest = await Guest.come(url, client, text)
    planted.others.push(...(await guest.callServices()), ...(await enqueueAs(client, text, 'succeed')))
    planted.broken.push(...(await enqueueAs(client, text, 'fail')))
    // it waits behind the one that blocks the key
    planted.others.push(...(await enqueueAs(client, text, 'succeed')))
    await guest.tryDoors(at)
    planted.taken += guest.taken
  }
  await waitUntil('the hostile items have been tried', 120_000, async () => {
    const items = await Promise.all(planted.broken.map((id) => client.item(id)))
    return items.every((item) => item?.state === 'broken')
  })
  for (const [at, text] of hostileTexts.entries()) {
    const guest = await Guest.come(url, client, text)
    await guest.act(planted.broken[at] ?? '')
    planted.taken += guest.taken
  }
  return planted
}

async function enqueueAs(client: Node, text: string, what: 'succeed' | 'fail'): Promise<string[]> {
  const context = { operator: text, accessGroup: text, application: text, correlationId: text }
  return [await client.enqueue(keep, { text, what }, { context })]
}

/** Somebody who is called as the text says, with a key of an administrator. */
class Guest {
  readonly #url: string
  readonly #key: string
  readonly #text: string
  taken = 0

  private constructor(url: string, key: string, text: string) {
    this.#url = url
    this.#key = key
    this.#text = text
  }

  static async come(url: string, client: Node, text: string): Promise<Guest> {
    const named = await client.apiKeys
      .create({ name: text, roles: ['administrator'] })
      .catch(() => client.apiKeys.create({ name: asHeader(text), roles: ['administrator'] }))
    return new Guest(url, named.key, text)
  }

  async #ask(method: string, path: string, body?: unknown): Promise<Response> {
    const header = asHeader(this.#text)
    const answer = await fetch(new URL(path, this.#url), {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        'content-type': 'application/json',
        'user-agent': header,
        referer: header,
        'x-correlation-id': header,
        'x-request-id': header,
        'x-forwarded-for': header,
        traceparent: header,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (answer.status < 400) this.taken++
    return answer
  }

  /** @returns the items that came of it */
  async callServices(): Promise<string[]> {
    const ids: string[] = []
    for (const what of ['succeed', 'fail']) {
      const answer = await this.#ask('POST', '/services/hostile/take', { text: this.#text, what })
      const { id } = (await answer.json()) as { id?: string }
      if (id !== undefined) ids.push(id)
    }
    await this.#ask('POST', '/services/hostile/refuse', { text: this.#text, what: 'fail' })
    return ids
  }

  /** Doors that take no such thing, or only as something that is looked for. */
  async tryDoors(number: number): Promise<void> {
    const text = this.#text
    await this.#ask('POST', '/operate/sign-in', { name: text, password: text })
    await this.#ask('POST', '/operate/users', { name: text, role: 'observer' })
    await this.#ask('POST', '/operate/users', {
      name: `guest-${number}`,
      role: 'observer',
      accessGroup: text,
    })
    await this.#ask('POST', '/operate/api-keys', { name: text, roles: [text], accessGroup: text })
    await this.#ask('GET', `/${encodeURIComponent(text)}?${encodeURIComponent(text)}`)
    await this.#ask(
      'GET',
      `/operate/items?${new URLSearchParams({ text, key: text, cursor: text }).toString()}`,
    )
    await this.#ask('POST', '/services/hostile/take', { [text]: text })
    await this.#ask('POST', '/operate/services/hostile/refuse/try', {
      input: { text, what: 'fail' },
      reason: text,
    })
  }

  async act(id: string): Promise<void> {
    const reason = this.#text
    const input = { text: reason, what: 'fail' }
    await this.#ask('POST', `/operate/items/${id}/acts`, { act: 'edit', input, reason })
    await this.#ask('POST', `/operate/items/${id}/acts`, { act: 'clone', reason })
    const filter = { key: reason, errorCode: reason, correlationId: reason }
    const bulk = await this.#ask('POST', '/operate/items/acts', { act: 'resume', filter, reason })
    await bulk.text()
    await this.#ask('POST', '/operate/queues/keep/state', { state: 'running', reason })
  }
}
