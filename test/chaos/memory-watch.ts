/** Nodes, whichever there are now. */
interface Watched {
  readonly nodes: readonly { readonly name: string; readonly residentMb: number | undefined }[]
}

/** Looks at the memory of nodes every second, or so often. @returns ends it, and says by how many MB the worst one grew */
export function watchMemory(run: Watched, everyMs = 1_000): { stop(): number } {
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
  const timer = setInterval(look, everyMs)
  return {
    stop: () => {
      clearInterval(timer)
      look()
      return grown
    },
  }
}
