import type { Stage } from '../stage.ts'

/** kill -9 of any node; another one is started in its place. @returns false where none was there */
export async function killNode(stage: Stage): Promise<boolean> {
  if (stage.run.nodes.length === 0) return false
  const node = stage.anyNode()
  await node.kill()
  stage.startBeside()
  return true
}

/** kill -9 of all nodes. @returns how many there were */
export async function killAllNodes(stage: Stage): Promise<number> {
  const { nodes } = stage.run
  await Promise.all(nodes.map((node) => node.kill()))
  return nodes.length
}
