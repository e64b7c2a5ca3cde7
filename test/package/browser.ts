// What a web application shares with its worker; compiled without the types of Node.
import { createClient } from 'coatcheck/client'
import { defineApplication, defineQueueProcessor, defineService } from 'coatcheck/define'
import { z } from 'zod'

export const greet = defineQueueProcessor({ name: 'greet', input: z.object({ name: z.string() }) })

const answer = defineService({ name: 'answer', input: z.object({ name: z.string() }), output: z.string() })
const app = defineApplication({ name: 'hr', definitions: [answer] })
const client = createClient<typeof app>({ baseUrl: 'http://127.0.0.1:3000', application: 'hr' })
export const ask = (name: string): Promise<string> => client.call('answer', { name })
