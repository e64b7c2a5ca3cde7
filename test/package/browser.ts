// What a web application shares with its worker; compiled without the types of Node.
import { defineQueueProcessor } from 'coatcheck/define'
import { z } from 'zod'

export const greet = defineQueueProcessor({ name: 'greet', input: z.object({ name: z.string() }) })
