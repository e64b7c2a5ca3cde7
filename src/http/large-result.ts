import type { LargeResult, ReplyHead } from '../engine/face.ts'
import type { Answer } from './message.ts'

/**
 * The body of a result that is read from the database as fast as the client takes it: JSON as it is kept, or what it stands
 * for. Text has to be there as a whole first, for its escapes.
 */
export function streamResult(large: LargeResult, form: ReplyHead['form']): NonNullable<Answer['body']> {
  if (form === 'bytes') return decodeBase64(large.read())
  return form === 'text' ? decodeText(large.read()) : large.read()
}

async function* decodeText(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let json = ''
  for await (const piece of pieces) json += piece
  yield JSON.parse(json) as string
}

/** A JSON string of base64, which has no escapes, in pieces. */
async function* decodeBase64(pieces: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let rest = ''
  for await (const piece of pieces) {
    const text = rest + piece.replaceAll('"', '')
    const whole = text.length - (text.length % 4)
    rest = text.slice(whole)
    yield Buffer.from(text.slice(0, whole), 'base64')
  }
  if (rest !== '') yield Buffer.from(rest, 'base64')
}
