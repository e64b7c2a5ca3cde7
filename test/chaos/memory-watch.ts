import type { ChaosRun } from './chaos-run.ts'

/** Looks at the memory of nodes every second. @returns ends it, and says by how many MB the worst one grew */
export function watchMemory(run: ChaosRun): { stop(): number } {
  const first = new Map<string, number>()
  let grown = 0
  const look = (): void => {
    for (const node of run.nodes) {
      const megabytes = node.residentMb
      if (megabytes === undefined) continue
      first.set(node.name, first.get(node.name) ?? megabytes)
      grown = Math.max(grown, megabytes - (first.get(node.name) ?? megabytes))
    }
  }
  look()
  const timer = setInterval(look, 1_000)
  return {
    stop: () => {
      clearInterval(timer)
      look()
      return grown
    },
  }
}
