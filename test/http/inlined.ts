export type Json = Record<string, unknown>

/** A part of a document with everything that it refers to in its place. Not for what refers to itself. */
export function inlined(value: unknown, document: Json): unknown {
  if (Array.isArray(value)) return value.map((each) => inlined(each, document))
  if (typeof value !== 'object' || value === null) return value
  const { $ref } = value as { $ref?: string }
  if ($ref === undefined)
    return Object.fromEntries(
      Object.entries(value)
        // zod takes it for a whole URL
        .filter(([, each]) => each !== 'uri-reference')
        .map(([name, each]) => [name, inlined(each, document)]),
    )
  const found = $ref
    .slice(2)
    .split('/')
    .reduce<unknown>((part, name) => (part as Json)[name], document)
  return inlined(found, document)
}
