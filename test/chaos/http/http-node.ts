import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { endChild, isRunning } from '../../../scripts/child-processes.ts'
import type { Endings } from '../endings.ts'
import { residentMbOf } from '../resident-memory.ts'
import { within } from '../wait-until.ts'
import type { HttpNews, HttpSettings, Vitals } from './http-process.ts'

const limitMs = 60_000

/** A node that listens, in a process of its own, as whoever runs the case holds it. */
export class HttpNode {
  readonly name: string
  readonly url: string
  readonly #process: ChildProcess

  private constructor(name: string, url: string, child: ChildProcess) {
    this.name = name
    this.url = url
    this.#process = child
  }

  static async start(settings: HttpSettings, endings: Endings): Promise<HttpNode> {
    const { logFile } = settings
    const log = logFile === undefined ? undefined : await open(logFile, 'a')
    const child = fork(join(import.meta.dirname, 'http-process.ts'), [JSON.stringify(settings)], {
      execArgv: [],
      ...(log && {
        stdio: ['ignore', log.fd, log.fd, 'ipc'],
        env: { ...process.env, LOG_LEVEL: 'trace' },
      }),
    })
    await log?.close()
    endings.add('process that listens', () => endChild(child))
    const news = await heard(child)
    if (!('url' in news)) throw new Error('The process that listens did not say where.')
    return new HttpNode(settings.name ?? 'http', news.url, child)
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  get isAlive(): boolean {
    return isRunning(this.#process)
  }

  get residentMb(): number | undefined {
    return residentMbOf(this.#process.pid)
  }

  /** How it has been since it was last asked. */
  async vitals(): Promise<Vitals> {
    const answer = heard(this.#process)
    this.#process.send('vitals')
    const news = await answer
    if ('url' in news) throw new Error('The process that listens started twice.')
    return news
  }

  async kill(): Promise<void> {
    await endChild(this.#process)
  }
}

async function heard(child: ChildProcess): Promise<HttpNews> {
  const ended = once(child, 'close').then(() => {
    throw new Error('The process that listens has ended.')
  })
  const [news] = await within(
    'the process that listens says something',
    limitMs,
    Promise.race([once(child, 'message'), ended]),
  )
  return news as HttpNews
}
