import { readFileSync } from 'node:fs'

/** Memory that a process has in use, in MB; undefined where the system does not tell. */
export function residentMbOf(pid: number | undefined): number | undefined {
  try {
    const pages = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]
    return (Number(pages) * 4096) / 1_000_000
  } catch {
    return undefined
  }
}
