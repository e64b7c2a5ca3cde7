import { createNode, type NodeOptions } from '../../src/index.ts'
import { application } from './callback-setup.ts'

/** Runs a node until it is killed: its options are JSON in the first argument. */
if (process.argv[1] === import.meta.filename) {
  const options = JSON.parse(process.argv[2] ?? '') as Omit<NodeOptions, 'applications'>
  const node = await createNode({ applications: [application], log: false, ...options })
  await node.start()
  process.send?.('started')
  process.on('disconnect', () => process.exit())
}
