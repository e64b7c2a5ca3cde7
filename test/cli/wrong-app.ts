import { defineApplication, defineService } from '../../src/define/define.ts'

// as JavaScript that no compiler has seen
const wrong = { name: 'Echo!', retry: { maxAttempt: 2 }, run: () => null } as unknown as {
  name: 'x'
  input: never
  run: () => null
}

export const config = {
  applications: [defineApplication({ name: 'cli', definitions: [defineService(wrong)] })],
  htpp: false,
}
