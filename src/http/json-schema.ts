import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'

export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The JSON Schema (draft 2020-12) that a schema gives of itself: of what goes in, or of what comes out.
 * @returns undefined where it gives none, or has parts that JSON Schema has no words for
 */
export function jsonSchemaOf(schema: StandardSchemaV1, side: 'input' | 'output'): JsonSchema | undefined {
  const { jsonSchema, vendor } = schema['~standard'] as Partial<StandardJSONSchemaV1.Props> & {
    vendor: string
  }
  try {
    return jsonSchema?.[side]({
      target: 'draft-2020-12',
      ...(vendor === 'zod' && { libraryOptions: zodOptions }),
    })
  } catch {
    return undefined
  }
}

/** zod throws at what JSON has no type for; here a date is what JSON makes of it, and the rest is anything. */
const zodOptions = {
  unrepresentable: 'any',
  override: (context: { zodSchema: { _zod: { def: { type: string } } }; jsonSchema: object }) => {
    if (context.zodSchema._zod.def.type === 'date')
      Object.assign(context.jsonSchema, { type: 'string', format: 'date-time' })
  },
}
