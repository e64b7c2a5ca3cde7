import { createRowId, itemIdAt, rowIdOf } from '../../../src/base/ids.ts'

/**
 * Ids that somebody may guess who knows how they are made: every other one is there, then come their neighbours in the same row of
 * the log, and ids of other rows.
 */
export function* guessIds(known: readonly string[], count: number, random: () => number): Generator<string> {
  for (let at = 0; at < count; at++) {
    const id = known[Math.floor(random() * known.length)] as string
    if (at % 2 === 0) yield id
    else if (at % 8 === 7) yield createRowId(1, Math.floor(random() * 6), Date.now())
    else yield itemIdAt(rowIdOf(id), 3_000 + Math.floor(random() * 1_096))
  }
}

const ofEachRequest = new Set(['x-correlation-id', 'date'])

/** All that an answer tells of an id, without what differs from request to request and the id itself. */
export async function whatItSays(answer: Response, id: string): Promise<string> {
  const headers = [...answer.headers].filter(([name]) => !ofEachRequest.has(name))
  return `${answer.status} ${JSON.stringify(headers)} ${(await answer.text()).replaceAll(id, '{id}')}`
}
