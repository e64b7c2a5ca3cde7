import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { escape, htmlPage, policy } from '../http/front-page.ts'
import { checkHost } from '../http/guard.ts'
import type { Answer } from '../http/message.ts'
import type { PathDoor } from '../http/path-door.ts'
import { answerProblem, problemOf } from '../http/problem.ts'
import { answerOtherMethod } from '../http/routes.ts'
import { packAnswer } from './packing.ts'

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

/** What browsers let the console do: load its own files and ask its own node; nobody shows it in a frame. */
export function consoleHeaders(): Record<string, string> {
  return {
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
  }
}

export interface ConsoleDoorOptions {
  readonly basePath: string
  /** Whether hosts but this machine's own names are refused on our listener: there is no `auth`. */
  readonly isLocalOnly: boolean
  /** Where the built console may be; the first that has an `index.html` is served. */
  readonly folders?: readonly string[]
}

/** In the package the build has put it beside the code; in the repository it is where Vite has. */
const usualFolders = [
  join(import.meta.dirname, '..', 'console'),
  join(import.meta.dirname, '..', '..', 'console', 'dist'),
]

/** Serves the console: its files, and its page for every address of the console itself. */
export function createConsoleDoor({
  basePath,
  isLocalOnly,
  folders = usualFolders,
}: ConsoleDoorOptions): PathDoor {
  const prefix = `${basePath}/console`
  return {
    prefix,
    async answer(request, { info }) {
      if (isLocalOnly && info.loopback) checkHost(request)
      if (request.method !== 'GET' && request.method !== 'HEAD') return answerOtherMethod(['GET'])
      const path = request.path.slice(prefix.length + 1)
      // all else is an address that the page reads: names of queues have dots, too
      if (!path.startsWith('assets/')) return answerPage(folders, basePath)
      const file = await readAsset(folders, path)
      if (!file) return answerProblem(problemOf('NOT_FOUND', `nothing is at ${request.path.slice(0, 200)}`))
      const isText = /^text\/|json$|svg/.test(file.headers['content-type'] ?? '')
      return isText ? packAnswer(file, request) : file
    },
  }
}

async function answerPage(folders: readonly string[], basePath: string): Promise<Answer> {
  const page = await readFirst(folders, 'index.html')
  if (!page) return answerNotBuilt()
  return {
    status: 200,
    headers: { ...consoleHeaders(), 'content-type': 'text/html; charset=utf-8' },
    body: atBasePath(page.toString(), basePath),
  }
}

/** The page is built for any path: what it loads, and what it asks, is put below the base path of this node. */
function atBasePath(page: string, basePath: string): string {
  const meta = `<meta name="base-path" content="${escape(basePath)}">`
  const named = /<meta name="base-path"[^>]*>/
  const withMeta = named.test(page)
    ? page.replace(named, () => meta)
    : page.replace('</head>', () => `${meta}</head>`)
  return withMeta.replaceAll(
    /\b(src|href)="(?:\.\/|\/console\/)/g,
    (_, name) => `${name}="${escape(basePath)}/console/`,
  )
}

async function readAsset(folders: readonly string[], path: string): Promise<Answer | undefined> {
  // plain names only: neither a way out of the folder nor a file that is hidden
  if (!/^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/.test(path)) return undefined
  const type = types[extname(path)]
  const bytes = type === undefined ? undefined : await readFirst(folders, path)
  if (!bytes || type === undefined) return undefined
  const isHashed = /-[\w-]{8,}\.\w+$/.test(path)
  return {
    status: 200,
    headers: {
      ...consoleHeaders(),
      'content-type': type,
      'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    },
    body: bytes,
  }
}

/** What says that there is no such file, or that none can have such a name. */
const absent = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG']

async function readFirst(folders: readonly string[], path: string): Promise<Uint8Array | undefined> {
  for (const folder of folders) {
    try {
      return await readFile(join(folder, path))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (!absent.includes(code ?? '')) throw error
    }
  }
  return undefined
}

function answerNotBuilt(): Answer {
  return {
    status: 503,
    headers: {
      ...consoleHeaders(),
      'content-security-policy': policy,
      'content-type': 'text/html; charset=utf-8',
    },
    body: htmlPage(
      'Console · Coatcheck',
      `<h1>The console has not been built</h1>
<p>The package brings it along; in the repository it is built with:</p>
<pre>npm run console:build</pre>
<p>Then load this page again.</p>`,
    ),
  }
}
