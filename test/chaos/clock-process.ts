/**
 * Preloaded into a node's process: its clock is off by `CHAOS_CLOCK_OFFSET_MS` milliseconds, which may change while it runs.
 * Worker threads begin with the offset that stood when they were made.
 */
const RealDate = Date

function offset(): number {
  return Number(process.env['CHAOS_CLOCK_OFFSET_MS'] ?? 0)
}

class OffsetDate extends RealDate {
  constructor(...given: []) {
    if (given.length === 0) super(RealDate.now() + offset())
    else super(...given)
  }

  static override now(): number {
    return RealDate.now() + offset()
  }
}

globalThis.Date = OffsetDate as DateConstructor
