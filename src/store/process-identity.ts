import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'

/** Which process it is, told so that another process can find out whether it still lives. */
export interface ProcessIdentity {
  readonly pid: number
  readonly hostName: string
  /** Start time of the process in clock ticks since boot; undefined where there is no /proc. */
  readonly startTicks?: string
  /** The boot of the machine. */
  readonly machineBootId?: string
  /** The pid namespace: a pid of another container means nothing here. */
  readonly pidNamespace?: string
}

/** `foreign`: of another machine, container or boot, so that its pid says nothing. */
export type Liveness = 'alive' | 'gone' | 'foreign'

export async function currentProcess(): Promise<ProcessIdentity> {
  const [startTicks, machineBootId, pidNamespace] = await Promise.all([
    readStartTicks(process.pid),
    readOr(readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
    readOr(readlink('/proc/self/ns/pid')),
  ])
  return {
    pid: process.pid,
    hostName: hostname(),
    ...(startTicks && { startTicks }),
    ...(machineBootId && { machineBootId }),
    ...(pidNamespace && { pidNamespace }),
  }
}

/** Whether a process still lives, as far as one can know from here. A pid in use by a later process is noticed. */
export async function livenessOf(other: ProcessIdentity, own: ProcessIdentity): Promise<Liveness> {
  if (
    other.hostName !== own.hostName ||
    other.machineBootId !== own.machineBootId ||
    other.pidNamespace !== own.pidNamespace
  )
    return 'foreign'
  if (!isRunning(other.pid)) return 'gone'
  const startTicks = await readStartTicks(other.pid)
  // without /proc a pid in use has to count as its old owner
  if (startTicks === undefined || other.startTicks === undefined) return 'alive'
  return startTicks === other.startTicks ? 'alive' : 'gone'
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

async function readStartTicks(pid: number): Promise<string | undefined> {
  const stat = await readOr(readFile(`/proc/${pid}/stat`, 'utf8'))
  // The second field is the command in brackets and may hold spaces and brackets itself (proc(5)); what follows it begins with
  // field 3, the state: Z is dead, only not yet reaped.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields?.[0] === 'Z' ? 'zombie' : fields?.[19]
}

async function readOr(read: Promise<string>): Promise<string | undefined> {
  try {
    return (await read).trim()
  } catch {
    return undefined
  }
}
