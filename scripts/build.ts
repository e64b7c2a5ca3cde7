import { execFileSync } from 'node:child_process'
import { cpSync, globSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { buildConsole } from './console-build.ts'

// tsc writes JavaScript and declarations and copies nothing: the SQL that a store reads beside its code is ours to bring,
// and so are the pages that a node serves.
const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')

rmSync(dist, { recursive: true, force: true })
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
const migrations = globSync('store/migrations/*.sql', { cwd: join(root, 'src') })
if (migrations.length === 0)
  throw new Error('src/store/migrations holds no SQL, so the package could not make its tables.')
for (const file of migrations) cpSync(join(root, 'src', file), join(dist, file))
await buildConsole({ ifStale: false })
cpSync(join(root, 'console', 'dist'), join(dist, 'console'), { recursive: true })
const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
for (const file of [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-bundle.js.LICENSE.txt',
  'LICENSE',
  'NOTICE',
])
  cpSync(join(swagger, file), join(dist, 'http', 'api-page', file))
