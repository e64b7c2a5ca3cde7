import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// The console is the one thing here that has a build step; it takes about a second. `npm start`, the browser tests and
// `npm run build` come here, so that nobody has to think of it.
const root = join(import.meta.dirname, '..')
const entry = join(root, 'console', 'dist', 'index.html')

/** Builds `console/dist`, or only where a source is newer than it. */
export async function buildConsole({ ifStale }: { ifStale: boolean }): Promise<void> {
  if (ifStale && !isStale()) return
  // loaded when it is needed: most starts find the console built
  const { build } = await import('vite')
  await build({
    configFile: join(root, 'console', 'vite.config.ts'),
    logLevel: ifStale ? 'warn' : 'info',
  })
}

function isStale(): boolean {
  const built = statSync(entry, { throwIfNoEntry: false })
  if (!built) return true
  const sources = globSync('console/**/*', { cwd: root, exclude: ['console/dist'] })
  return [...sources, 'package-lock.json'].some((path) => statSync(join(root, path)).mtimeMs > built.mtimeMs)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildConsole({ ifStale: process.argv.includes('--if-stale') })
  } catch (error) {
    // a node works without its console, so `npm start` goes on
    if (!process.argv.includes('--if-stale')) throw error
    console.error(`The console could not be built: ${error instanceof Error ? error.message : String(error)}`)
  }
}
