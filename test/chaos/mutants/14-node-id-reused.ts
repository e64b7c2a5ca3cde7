import type { Mutant } from '../mutant.ts'

export const nodeIdReused: Mutant = {
  name: '14-node-id-reused',
  variant: 'reuse of node id',
  noticedBy: 3,
  changes: [
    {
      file: 'src/engine/engine.ts',
      find: '  readonly bootId = createUuid()\n',
      replace: '  readonly bootId: string\n',
    },
    {
      file: 'src/engine/engine.ts',
      find: '    this.#options = { ...options, definitions }\n',
      replace:
        "    this.#options = { ...options, definitions }\n    this.bootId = options.types.includes('background') ? `00000000-0000-4000-8000-${Buffer.from(options.name).toString('hex').padStart(12, '0').slice(-12)}` : createUuid()\n",
    },
  ],
}
