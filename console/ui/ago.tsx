import { clock } from '../state/clock.ts'
import { useStore } from '../state/store.ts'
import { showAge, showClock, showMoment, showWhole } from './format.ts'

/** How long ago, or in how long; the whole date on hovering. */
export function Ago({ at }: { at: string | undefined | null }) {
  const now = useStore(clock)
  if (!at) return <span class="none">–</span>
  const distance = now - Date.parse(at)
  const text =
    Math.abs(distance) < 5_000
      ? 'now'
      : distance >= 0
        ? `${showAge(distance)} ago`
        : `in ${showAge(-distance)}`
  return (
    <time dateTime={at} title={showWhole(at)}>
      {text}
    </time>
  )
}

/** The time of day to the millisecond, with the day where it is not today. */
export function Moment({ at }: { at: string }) {
  const isToday = new Date(at).toDateString() === new Date().toDateString()
  return (
    <time dateTime={at} title={showWhole(at)}>
      {isToday ? showClock(at) : showMoment(at)}
    </time>
  )
}
