import type { JsonSchema } from '../../api/services.ts'

/** A field of a form, made of a property of a schema. */
export interface SchemaField {
  readonly name: string
  readonly kind: 'text' | 'number' | 'choice' | 'flag'
  readonly isRequired: boolean
  readonly description: string | undefined
  readonly options: readonly string[]
  readonly isInteger: boolean
}

/**
 * The fields of a flat object.
 * @returns undefined where the schema has anything that no simple field can hold; then it is written as JSON
 */
export function fieldsOf(schema: JsonSchema | undefined): readonly SchemaField[] | undefined {
  const properties = Object.entries(schema?.properties ?? {})
  if (schema?.type !== 'object' || properties.length === 0 || properties.length > 30) return undefined
  const fields = properties.map(([name, property]) => fieldOf(name, property, schema.required ?? []))
  return fields.every((field) => field !== undefined) ? fields : undefined
}

function fieldOf(name: string, property: JsonSchema, required: readonly string[]): SchemaField | undefined {
  const base = {
    name,
    isRequired: required.includes(name),
    description: property.description,
    options: [],
    isInteger: false,
  }
  if (property.enum?.every((each) => typeof each === 'string'))
    return { ...base, kind: 'choice', options: property.enum as string[] }
  switch (property.type) {
    case 'string':
      return { ...base, kind: 'text' }
    case 'integer':
      return { ...base, kind: 'number', isInteger: true }
    case 'number':
      return { ...base, kind: 'number' }
    case 'boolean':
      return { ...base, kind: 'flag' }
    default:
      return undefined
  }
}

/** The texts of a form, from an example. */
export function textsOf(fields: readonly SchemaField[], example: unknown): Record<string, string> {
  const values: Readonly<Record<string, unknown>> =
    typeof example === 'object' && example !== null ? { ...example } : {}
  return Object.fromEntries(
    fields.map(({ name }) => {
      const value = values[name]
      return [name, typeof value === 'string' ? value : value == null ? '' : JSON.stringify(value)]
    }),
  )
}

/** What is sent: an empty field that may be left out is. */
export function inputOf(fields: readonly SchemaField[], texts: Readonly<Record<string, string>>): unknown {
  return Object.fromEntries(
    fields.flatMap(({ name, kind, isRequired }): [string, unknown][] => {
      const text = texts[name] ?? ''
      if (text === '' && !isRequired) return []
      if (kind === 'flag') return [[name, text === 'true']]
      // what is no number is sent as it is: the service says what it wants
      if (kind === 'number')
        return [[name, text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)]]
      return [[name, text]]
    }),
  )
}
