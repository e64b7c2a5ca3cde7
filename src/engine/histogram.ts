/**
 * Counts of durations by half octaves: what is under a millisecond, then bounds that grow by the square root of two. A figure
 * read from it is off by a fifth at most.
 */
export type Histogram = readonly number[]

/** The last bucket has what takes longer than 12 days. */
export const buckets = 62

/** In which bucket a duration is counted. */
export function bucketOf(ms: number): number {
  if (!(ms >= 1)) return 0
  const bucket = 1 + Math.floor(2 * Math.log2(ms))
  return bucket < buckets ? bucket : buckets - 1
}

/** The duration below which this share of them lies, in milliseconds; undefined where nothing was counted. */
export function quantileOf(counts: Histogram, share: number): number | undefined {
  let total = 0
  for (const count of counts) total += count
  if (total === 0) return undefined
  let left = share * total
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && left <= count) {
      const from = lowerBoundOf(bucket)
      return from + (lowerBoundOf(bucket + 1) - from) * (left / count)
    }
    left -= count
  }
  return lowerBoundOf(counts.length)
}

function lowerBoundOf(bucket: number): number {
  return bucket === 0 ? 0 : 2 ** ((bucket - 1) / 2)
}
