import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from './json-schema.ts'

type Check = (value: unknown, wanted: unknown) => boolean

const anything: Check = () => true
const number = (holds: (value: number, bound: number) => boolean): Check => {
  return (value, bound) => typeof value !== 'number' || (typeof bound === 'number' && holds(value, bound))
}
const size = (holds: (length: number, bound: number) => boolean): Check => {
  return (value, bound) =>
    !(typeof value === 'string' || Array.isArray(value)) ||
    // of a string, its characters are counted
    (typeof bound === 'number' && holds(Array.from(value).length, bound))
}

const formats: Readonly<Record<string, RegExp>> = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/,
  date: /^\d{4}-\d\d-\d\d$/,
  email: /^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$/,
  uuid: /^[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i,
  uri: /^https?:\/\/[\w.-]+(?:\/[\w./-]*)?$/,
}

/** The keywords of JSON Schema that are known here. The others say yes to nothing. */
const checks: Readonly<Record<string, Check>> = {
  $schema: anything,
  title: anything,
  description: anything,
  examples: anything,
  default: anything,
  // an example has no other members than those of `properties`
  additionalProperties: anything,
  type: (value, type) =>
    (Array.isArray(type) ? type : [type]).includes(typeOf(value)) || isWhole(value, type),
  enum: (value, choices) =>
    Array.isArray(choices) && choices.some((choice) => isDeepStrictEqual(choice, value)),
  const: (value, only) => isDeepStrictEqual(value, only),
  minimum: number((value, bound) => value >= bound),
  maximum: number((value, bound) => value <= bound),
  exclusiveMinimum: number((value, bound) => value > bound),
  exclusiveMaximum: number((value, bound) => value < bound),
  minLength: size((length, bound) => length >= bound),
  maxLength: size((length, bound) => length <= bound),
  minItems: size((length, bound) => length >= bound),
  maxItems: size((length, bound) => length <= bound),
  pattern: (value, pattern) => typeof value !== 'string' || matches(value, String(pattern)),
  format: (value, format) => typeof value !== 'string' || formats[String(format)]?.test(value) === true,
  required: (value, names) =>
    !isObject(value) || (Array.isArray(names) && names.every((name) => Object.hasOwn(value, String(name)))),
  properties: (value, properties) =>
    !isObject(value) ||
    Object.entries(value).every(([name, member]) => {
      return isObject(properties) && surelyFits(properties[name], member)
    }),
  items: (value, items) => !Array.isArray(value) || value.every((each) => surelyFits(items, each)),
  anyOf: (value, choices) => Array.isArray(choices) && choices.some((choice) => surelyFits(choice, value)),
}

/**
 * Whether a value fits a JSON Schema beyond doubt; false also where the schema has a keyword that is not known here. Unlike
 * `~standard.validate` it runs no code of a service, which may ask who knows whom.
 */
export function surelyFits(schema: unknown, value: unknown): boolean {
  if (!isObject(schema)) return false
  return Object.entries(schema).every(([keyword, wanted]) => {
    const check = Object.hasOwn(checks, keyword) ? checks[keyword] : undefined
    return check?.(value, wanted) === true
  })
}

/** A pattern that is none with the flag of JSON Schema says nothing for certain. */
function matches(text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text)
  } catch {
    return false
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function isWhole(value: unknown, type: unknown): boolean {
  return Number.isInteger(value) && (Array.isArray(type) ? type : [type]).includes('integer')
}

function isObject(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
