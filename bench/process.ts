import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { TaskName, tasks } from './child.ts'

type ParametersOf<Name extends TaskName> = Parameters<(typeof tasks)[Name]>[0]
type ResultOf<Name extends TaskName> = Awaited<ReturnType<(typeof tasks)[Name]>>

export interface ProcessOptions {
  /** Flags of node, before the file. */
  readonly flags?: readonly string[]
  /** Called when the task says that it is ready. */
  readonly onReady?: () => void
}

/** Runs a task in a process of its own, with fresh code and heap, and answers what it measured. */
export async function runTask<Name extends TaskName>(
  name: Name,
  parameters: ParametersOf<Name>,
  { flags = [], onReady }: ProcessOptions = {},
): Promise<ResultOf<Name>> {
  const file = fileURLToPath(new URL('child.ts', import.meta.url))
  const child = spawn(process.execPath, [...flags, file, name, JSON.stringify(parameters)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
    if (said.startsWith('ready\n')) {
      said = said.slice('ready\n'.length)
      onReady?.()
    }
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${name} ended with ${code}`)
  return JSON.parse(said) as ResultOf<Name>
}
