import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

export interface Child {
  readonly process: ChildProcess
  readonly pid: number
  /** The next line that it prints; what it printed before its end counts. */
  line(): Promise<string>
  /** Ends its input, which asks it to stop. */
  finish(): Promise<void>
  /** As `kill -9`. */
  kill(): Promise<void>
}

/** Starts a TypeScript file as a process of its own; it does not outlive the test. */
export function startChild(
  t: TestContext,
  file: URL,
  args: readonly string[],
  flags: readonly string[] = [],
): Child {
  const child = spawn(process.execPath, [...flags, fileURLToPath(file), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const closed = once(child, 'close')
  const kill = async () => {
    child.kill('SIGKILL')
    await closed
  }
  t.after(kill)
  return {
    process: child,
    pid: child.pid ?? 0,
    line: async () => {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${file.pathname} ended without another line.`)
      return String(value)
    },
    finish: async () => {
      child.stdin.end()
      await closed
    },
    kill,
  }
}
