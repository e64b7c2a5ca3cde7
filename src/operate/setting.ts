import { z } from './schema.ts'

/** An option of a node, as operators see it: in words, and never with a secret. */
export const settingShape = z.object({
  name: z.string().describe('As in the options of createNode: http.port'),
  group: z.string(),
  value: z.string().describe('Secrets read •••'),
  unless: z.string().describe('What it is unless set; empty: it cannot be set'),
  isSet: z.boolean(),
  isOwn: z.boolean().describe('Whether each node has one of its own: its name, say'),
})

export type Setting = z.infer<typeof settingShape>

export const toldSettings = z.array(settingShape)
