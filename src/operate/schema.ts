import { z, type ZodType } from 'zod'

/** What checks the requests of the operator's API, and says in its description what they and the answers look like. */
export { z } from 'zod'
export type { ZodType as Schema } from 'zod'

/** A time as text has it, of those that PostgreSQL can hold, and people write. Neither null nor a number is one. */
export const time = z.preprocess(
  (value) => (typeof value === 'string' ? new Date(value) : value),
  z
    .date({ error: 'give a time such as 2026-11-23T12:00:00Z' })
    .min(new Date(0))
    .max(new Date('9999-12-31T23:59:59.999Z')),
)

interface Shaped {
  readonly def: { readonly type: string; readonly in?: ZodType; readonly catchall?: ZodType }
  readonly shape?: Readonly<Record<string, ZodType>>
}

/** The names of the members that a schema of an object knows; undefined of one that takes any, or of anything else. */
export function membersOf(schema: ZodType): readonly string[] | undefined {
  const { def, shape } = schema as unknown as Shaped
  if (def.type === 'pipe' && def.in) return membersOf(def.in)
  if (def.type !== 'object' || !shape) return undefined
  // a strict object has one that takes nothing
  const { catchall } = def as Shaped['def']
  if (catchall && (catchall as unknown as Shaped).def.type !== 'never') return undefined
  return Object.keys(shape)
}

/** JSON Schema (draft 2020-12) of what goes in, or of what comes out; what JSON has no word for is anything. */
export function describeSchema(schema: ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...described } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'date')
        Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
    },
  })
  return described
}
