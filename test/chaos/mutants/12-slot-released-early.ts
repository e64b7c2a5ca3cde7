import type { Mutant } from '../mutant.ts'

export const slotReleasedEarly: Mutant = {
  name: '12-slot-released-early',
  variant: 'release the slot before the effect',
  noticedBy: 16,
  changes: [
    {
      file: 'src/engine/dispatcher.ts',
      find: 'processor.begin(work)\n',
      replace: 'processor.begin(work)\n      if (work.line) setImmediate(() => this.#lines.advance(work))\n',
    },
  ],
}
