import { createReadStream, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Answer } from './message.ts'
import { pageIcon } from './page-icon.ts'

/** What the page loads: its own node serves it, nothing comes from elsewhere. */
const pageAssets = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'open.js': 'text/javascript; charset=utf-8',
} as const
type PageAsset = keyof typeof pageAssets

/** Swagger UI writes styles into its elements; scripts only come from here. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** What the stylesheet leaves open: answers are wider than a phone, and the names of headers dark on dark. */
const style =
  '.swagger-ui .responses-inner{overflow-x:auto}html.dark-mode .swagger-ui .headers .header-col{color:inherit}'

const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>API</title>${pageIcon}<link rel="stylesheet" href="docs/swagger-ui.css"><style>${style}</style></head>
<body><div id="api">This page needs JavaScript; <a href="openapi.json">openapi.json</a> says the same.</div>
<script src="docs/swagger-ui-bundle.js"></script><script src="docs/open.js"></script></body>
</html>
`

const open = `// The stylesheet is dark where the root element says so, and follows nothing by itself.
const dark = matchMedia('(prefers-color-scheme: dark)')
const showTheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', showTheme)
showTheme()

SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#api',
  deepLinking: true,
  displayRequestDuration: true,
  // Nothing is sent to anybody to be checked.
  validatorUrl: null,
})
`

/** `GET /docs`: the description of the API to read and try, by Swagger UI. */
export function answerApiPage(): Answer {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy }
  return { status: 200, headers, body: page }
}

/** `GET /docs/{asset}` */
export function answerPageAsset(name: PageAsset): Answer {
  const headers = { 'content-type': pageAssets[name], 'cache-control': 'public, max-age=3600' }
  const body = name === 'open.js' ? open : readAsset(name)
  return { status: 200, headers, body }
}

/** Opened when somebody reads: a HEAD does not. */
async function* readAsset(name: PageAsset): AsyncGenerator<Uint8Array> {
  yield* createReadStream(join(assetFolder(), name)) as AsyncIterable<Uint8Array>
}

/** In the package the build has put them beside this file; in the repository they are where npm has. */
function assetFolder(): string {
  const beside = join(import.meta.dirname, 'api-page')
  if (existsSync(beside)) return beside
  return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
}
