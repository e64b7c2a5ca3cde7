import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PrismaPg } from '@prisma/adapter-pg'
import type { Types } from '@prisma/client/runtime/client'

/** What the generated client is, as far as our tests use it: its own types exist only once it was generated. */
export interface PrismaClient extends PrismaTransactionClient {
  $connect(): Types.Utils.JsPromise<void>
  $disconnect(): Types.Utils.JsPromise<void>
  $transaction<R>(work: (tx: PrismaTransactionClient) => Types.Utils.JsPromise<R>): Types.Utils.JsPromise<R>
}

/** As the generated `Prisma.TransactionClient`. */
export interface PrismaTransactionClient {
  // as Prisma has it
  // oxlint-disable-next-line typescript/no-explicit-any
  $queryRawUnsafe<T = unknown>(query: string, ...values: any[]): Types.Public.PrismaPromise<T>
  employee: {
    create(options: { data: { id: number; fullName?: string } }): Types.Public.PrismaPromise<unknown>
  }
}

const folder = dirname(fileURLToPath(import.meta.url))
const client = new URL('./generated/client.ts', import.meta.url)

/** A client of `schema.prisma`, generated where it is missing or was made by another release. */
export async function openPrisma(url: string): Promise<PrismaClient> {
  if (!(await isGenerated())) await generate()
  const { PrismaClient } = await import(client.href)
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) })
}

async function isGenerated(): Promise<boolean> {
  const { version } = createRequire(import.meta.url)('@prisma/client/package.json')
  const made = await readFile(new URL('./generated/internal/class.ts', import.meta.url), 'utf8').catch(
    () => '',
  )
  return made.includes(`"clientVersion": "${version}"`)
}

async function generate(): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve('prisma/package.json')
  const program = join(dirname(manifest), 'build', 'index.js')
  await promisify(execFile)(
    process.execPath,
    [program, 'generate', '--schema', join(folder, 'schema.prisma')],
    {
      cwd: folder,
      // Generating needs no engine, but looks for one and would download it; any file satisfies it.
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
    },
  )
}
