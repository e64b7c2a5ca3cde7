import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Problem, RetryLater } from '../../src/index.ts'
import { createPartner, partnerName, type PartnerOptions, type Registration } from './partner-server.ts'
import type { Subdivision } from './records.ts'

/** The partner as the application sees it: the one that another process runs, or one of its own. */
export class Partner {
  readonly #options: PartnerOptions
  readonly #port: number
  #server: Server | undefined
  #url: string | undefined
  #finding: Promise<string> | undefined

  /** @param port where one may be running already */
  constructor(port: number, options: PartnerOptions) {
    this.#port = port
    this.#options = options
  }

  /** Whether this process runs it. */
  get isOwn(): boolean {
    return this.#server !== undefined
  }

  /** Its URL; finds or starts it where there is none. */
  find(): Promise<string> {
    if (this.#url !== undefined) return Promise.resolve(this.#url)
    this.#finding ??= this.#find().finally(() => (this.#finding = undefined))
    return this.#finding
  }

  /** Tells the partner how a subdivision is now; undefined: that it is gone. */
  async tell(
    code: string,
    record: Subdivision | undefined,
    signal: AbortSignal,
  ): Promise<Registration | undefined> {
    const response = await this.#call(
      code,
      signal,
      record ? { method: 'PUT', body: JSON.stringify(record) } : { method: 'DELETE' },
    )
    const body = (await response.json()) as Registration
    return record ? body : undefined
  }

  async ask(code: string, signal: AbortSignal): Promise<Registration> {
    const response = await this.#call(code, signal, { method: 'GET' })
    return (await response.json()) as Registration
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (!server) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  async #call(code: string, signal: AbortSignal, init: RequestInit): Promise<Response> {
    const url = await this.find()
    let response: Response
    try {
      response = await fetch(`${url}/subdivisions/${code}`, { ...init, signal })
    } catch (error) {
      // the process that ran it has ended: the next attempt looks for it again
      if (!this.#server) this.#url = undefined
      throw error
    }
    if (response.ok) return response
    await response.body?.cancel()
    if (response.status === 429)
      throw new RetryLater('the partner takes no more calls', {
        after: `${response.headers.get('retry-after') ?? '1'}s`,
      })
    if (response.status === 404)
      throw new Problem({
        status: 404,
        code: 'SUBDIVISION_UNKNOWN',
        detail: `The partner knows no subdivision ${code}`,
      })
    throw new Error(`the partner answered ${response.status}`)
  }

  async #find(): Promise<string> {
    const usual = `http://127.0.0.1:${this.#port}`
    if (await isPartner(usual)) return (this.#url = usual)
    const own = await this.#run(this.#port)
    if (own !== undefined) return (this.#url = own)
    // a process that started in the same moment was faster, or something else listens there
    if (await isPartner(usual)) return (this.#url = usual)
    return (this.#url = (await this.#run(0)) ?? usual)
  }

  /** @returns its URL, or undefined where the port is taken */
  async #run(port: number): Promise<string | undefined> {
    const server = createPartner(this.#options)
    server.listen({ host: '127.0.0.1', port })
    try {
      await once(server, 'listening')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
      throw error
    }
    this.#server = server
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
}

async function isPartner(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) })
    return ((await response.json()) as { partner?: unknown }).partner === partnerName
  } catch {
    return false
  }
}
