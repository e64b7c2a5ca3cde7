import type { StandardSchemaV1 } from '@standard-schema/spec'

/** Whether a value is a schema as of https://standardschema.dev, version 1. Never throws. */
export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  try {
    const standard: unknown = (value as Partial<StandardSchemaV1>)['~standard']
    if (typeof standard !== 'object' || standard === null) return false
    const { version, validate } = standard as Partial<StandardSchemaV1.Props>
    return version === 1 && typeof validate === 'function'
  } catch {
    return false
  }
}
