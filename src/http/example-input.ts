import type { StandardSchemaV1 } from '@standard-schema/spec'
import { jsonSchemaOf, type JsonSchema } from './json-schema.ts'
import { surelyFits } from './surely-fits.ts'

/** An input to try a service with, from the JSON Schema that its schema gives of itself; `{}` where it gives none. */
export function exampleInput(schema: StandardSchemaV1): unknown {
  const known = jsonSchemaOf(schema, 'input')
  return known ? exampleOf(known, 0) : {}
}

/** {@link exampleInput} where it fits the JSON Schema beyond doubt and says something; undefined elsewhere. */
export function fittingExample(schema: StandardSchemaV1): unknown {
  const example = exampleInput(schema)
  return example !== null && surelyFits(jsonSchemaOf(schema, 'input'), example) ? example : undefined
}

function exampleOf(schema: JsonSchema, depth: number): unknown {
  const { examples, type, enum: choices } = schema
  for (const list of [examples, choices])
    if (Array.isArray(list) && list.length > 0) return list[0] as unknown
  for (const name of ['example', 'const', 'default']) if (schema[name] !== undefined) return schema[name]
  const either = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(either)) return exampleOf(either[0] as JsonSchema, depth + 1)
  if (type === 'string') return exampleText(schema['format'])
  if (type === 'integer' || type === 'number') return exampleNumber(schema)
  if (type === 'boolean') return true
  if (type === 'array')
    return depth < 4 && isObject(schema['items']) ? [exampleOf(schema['items'], depth + 1)] : []
  return type === 'object' ? exampleObject(schema, depth) : null
}

/** 1, or what is nearest to it within the bounds. */
function exampleNumber({ minimum, maximum }: JsonSchema): number {
  if (typeof minimum === 'number' && minimum > 1) return minimum
  return typeof maximum === 'number' && maximum < 1 ? maximum : 1
}

function exampleText(format: unknown): string {
  if (format === 'date-time') return '2026-01-31T12:00:00Z'
  if (format === 'date') return '2026-01-31'
  if (format === 'email') return 'ada@example.com'
  if (format === 'uuid') return '123e4567-e89b-42d3-a456-426614174000'
  return format === 'uri' ? 'https://example.com' : 'text'
}

/** Only what is required: the shortest input that says what the service is about. */
function exampleObject({ properties, required }: JsonSchema, depth: number): unknown {
  if (!isObject(properties) || depth >= 4) return {}
  const needed = Array.isArray(required) ? (required as unknown[]) : []
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name, member]) => needed.includes(name) && isObject(member))
      .map(([name, member]) => [name, exampleOf(member as JsonSchema, depth + 1)]),
  )
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
