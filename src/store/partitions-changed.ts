/**
 * Somebody counted with partitions that are not there any more, and nothing was appended. Told by a null answer, which leaves the
 * caller's transaction as it was; where a whole statement has to fail, by this SQLSTATE.
 */
export function partitionsChanged(): Error {
  return Object.assign(new Error('the partitions of a queue have changed'), { code: 'CC001' })
}

export function isPartitionsChanged(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'CC001'
}
