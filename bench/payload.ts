import { randomBytes } from 'node:crypto'

/** What every item of every subject carries: about 100 bytes of JSON with a pad that does not compress. */
export interface Payload {
  /** The number of the item, from 0: the handler ticks it off. */
  readonly n: number
  readonly key: string
  readonly pad: string
  /** When its producer called, where that is measured. */
  readonly sentAt?: number
}

const keys = 1000

export function payload(n: number): Payload {
  return { n, key: `key-${n % keys}`, pad: randomBytes(45).toString('base64') }
}

export function payloads(from: number, count: number): Payload[] {
  return Array.from({ length: count }, (_, index) => payload(from + index))
}

/** Calls `send` with the numbers of a batch at a time. */
export async function inBatches(
  items: number,
  size: number,
  send: (from: number, count: number) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < items; from += size) await send(from, Math.min(size, items - from))
}
