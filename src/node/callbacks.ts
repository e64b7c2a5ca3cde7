import { createCallbacks } from '../connect/callback-sender.ts'
import type { Definition } from '../define/definition.ts'
import { callbackDocument } from '../http/callback-document.ts'
import type { CheckUrl } from '../http/callback-request.ts'
import type { CheckedOptions } from './options.ts'

/** The definitions of a node with the built-in processor of callbacks, and what checks callback URLs, where it has callbacks. */
export function withCallbacks(
  { registry: { definitions }, callbacks }: CheckedOptions,
  basePath: string,
): { readonly definitions: ReadonlyMap<string, Definition>; readonly checkCallback: CheckUrl | undefined } {
  if (!callbacks) return { definitions, checkCallback: undefined }
  const prefix = basePath.replace(/\/+$/, '')
  const { guard, definition } = createCallbacks(callbacks, (input, endedAt) =>
    callbackDocument(input, endedAt, { definitions, basePath: prefix }),
  )
  return {
    definitions: new Map([...definitions, [definition.id, definition]]),
    checkCallback: (url) => guard.check(url),
  }
}
