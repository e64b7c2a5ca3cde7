import assert from 'node:assert/strict'

export type Json = Record<string, unknown>

/** What a browser does that has a page of the node open: it keeps the cookie, and says where the page is from. */
export class Browser {
  readonly url: string
  cookie: string | undefined
  /** What the last answer set, with its attributes. */
  setCookie: string | undefined

  constructor(url: string) {
    this.url = url
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const answer = await fetch(new URL(`/operate${path}`, this.url), {
      method,
      redirect: 'manual',
      headers: {
        'sec-fetch-site': 'same-origin',
        ...(this.cookie !== undefined && { cookie: this.cookie }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    this.#keep(answer)
    return answer
  }

  /** @throws where the answer has another status */
  async json(method: string, path: string, body?: unknown, status = 200): Promise<Json> {
    const answer = await this.ask(method, path, body)
    const text = await answer.text()
    assert.equal(answer.status, status, `${method} ${path}: ${text}`)
    return (text === '' ? {} : JSON.parse(text)) as Json
  }

  /** Opens a one-time link, as `https://…/console#link=…`. */
  async open(link: string): Promise<void> {
    await this.json('POST', '/sign-in/link', { token: tokenIn(link) }, 204)
  }

  #keep(answer: Response): void {
    for (const set of answer.headers.getSetCookie()) {
      this.setCookie = set
      const [pair = ''] = set.split(';')
      const [name = ''] = pair.split('=')
      if (!set.includes('Max-Age=0')) this.cookie = pair
      else if (this.cookie?.startsWith(`${name}=`)) this.cookie = undefined
    }
  }
}

export function tokenIn(link: string): string {
  return link.split('#link=')[1] ?? ''
}

/** Asks until the answer has a status, and says how long that took. */
export async function untilStatus(ask: () => Promise<Response>, status: number): Promise<number> {
  const begun = performance.now()
  for (;;) {
    const answer = await ask()
    await answer.arrayBuffer()
    if (answer.status === status) return performance.now() - begun
    assert.ok(performance.now() - begun < 20_000, `it stays ${answer.status}`)
  }
}
