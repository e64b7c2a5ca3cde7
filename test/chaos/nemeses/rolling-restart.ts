import type { Stage } from '../stage.ts'

/**
 * SIGTERM to one node after the other, each after another has taken its place.
 * @param before done just before each SIGTERM
 * @returns how long each took to end, in ms
 */
export async function restartAll(stage: Stage, before: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = []
  for (const node of stage.run.nodes) {
    await stage.run.startNode()
    await before()
    const began = performance.now()
    await node.terminate()
    took.push(performance.now() - began)
  }
  return took
}
