import type { Mutant } from '../mutant.ts'

export const dropOnShutdown: Mutant = {
  name: '11-drop-on-shutdown',
  variant: 'drop on shutdown',
  noticedBy: 5,
  changes: [
    {
      file: 'src/engine/dispatcher.ts',
      find: "if (outcome.kind !== 'succeeded' && work.attempt?.abortReason?.code === 'NODE_STOPPED') return",
      replace:
        "if (work.attempt?.abortReason?.code === 'NODE_STOPPED') outcome = { kind: 'succeeded', result: undefined }",
    },
  ],
}
