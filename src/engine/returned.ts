import { isReply } from '../define/reply.ts'
import type { ReplyHead } from './face.ts'

/** What a handler returned, taken apart into what is kept as JSON and how it is answered. */
export interface Returned {
  readonly output: unknown
  readonly head: ReplyHead | undefined
}

/** Bytes are kept as base64, and text that is no JSON as a string; the head says so. */
export function takeApart(returned: unknown): Returned {
  if (!isReply(returned)) {
    if (returned instanceof Uint8Array) return { output: toBase64(returned), head: { form: 'bytes' } }
    return { output: returned, head: undefined }
  }
  const { output, status, headers } = returned
  if (output instanceof Uint8Array)
    return { output: toBase64(output), head: { status, headers, form: 'bytes' } }
  const isText = typeof output === 'string' && saysNotJson(headers)
  return { output, head: { status, headers, ...(isText && { form: 'text' }) } }
}

/** What a handler returned, as code gets it back. */
export function putTogether(output: unknown, head: ReplyHead | undefined): unknown {
  return head?.form === 'bytes' && typeof output === 'string' ? fromBase64(output) : output
}

/** Bytes of their own: those of a Buffer may be a part of many others. */
export function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function saysNotJson(headers: Readonly<Record<string, string>>): boolean {
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1]
  return type !== undefined && !/^\s*application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;|$)/i.test(type)
}
