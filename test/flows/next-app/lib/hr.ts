import { z } from 'zod'
import { defineApplication, defineService } from '../../../../src/index.ts'

const hireWorker = defineService({
  name: 'hire-worker',
  input: z.object({ employeeId: z.string() }),
  run: ({ employeeId }) => ({ account: `a-${employeeId}` }),
})

export const hr = defineApplication({ name: 'hr', definitions: [hireWorker] })
