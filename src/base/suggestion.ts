/**
 * The known name that was probably meant: within a third of its letters by edit distance (case aside), or the only one
 * that holds the given name (`payload` for `maxPayload`) or begins as it does (`retries` for `retry`).
 */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const given = name.toLowerCase().slice(0, 80)
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const distance = editDistance(given, candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  if (best !== undefined && bestDistance <= Math.max(1, Math.floor(Math.min(given.length, best.length) / 3)))
    return best
  if (given.length < 4) return undefined
  const alike = known.filter((candidate) => isAlike(given, candidate.toLowerCase()))
  return alike.length === 1 ? alike[0] : undefined
}

function isAlike(given: string, candidate: string): boolean {
  const start = candidate.slice(0, Math.max(4, Math.ceil(candidate.length * 0.7)))
  return candidate.includes(given) || (start.length >= 4 && given.startsWith(start))
}

/**
 * The end of a sentence about an option nobody knows: `unknown option "retries"; did you mean "retry"?`
 * @param prefix goes before each name: `retry.` within the options of `retry`
 */
export function unknownOption(name: string, known: readonly string[], prefix = ''): string {
  const closest = closestName(name, known)
  const way =
    closest === undefined
      ? `the options are ${known.map((each) => prefix + each).join(', ')}`
      : `did you mean "${prefix}${closest}"?`
  return `unknown option ${JSON.stringify(prefix + name.slice(0, 80))}; ${way}`
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let least = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      )
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        least = Math.min(least, at(beforeLast, column - 2) + 1)
      current.push(least)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
