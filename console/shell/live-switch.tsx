import { isConnected } from '../state/connection.ts'
import { liveMode, setLive } from '../state/live.ts'
import { useStore } from '../state/store.ts'

const words = { stream: 'Live', poll: 'Every 5 s', off: 'Paused' } as const
const titles = {
  stream: 'Changes come by themselves. Press to hold still.',
  poll: 'There is no live connection, so the page asks every 5 seconds. Press to hold still.',
  off: 'The page holds still. Press to go on.',
} as const

/** Whether what is shown follows by itself; somebody who reads may want it to hold still. */
export function LiveSwitch() {
  const mode = useStore(liveMode)
  const isFine = useStore(isConnected)
  return (
    <button
      type="button"
      class="live-switch"
      data-mode={isFine ? mode : 'lost'}
      aria-pressed={mode !== 'off'}
      title={titles[mode]}
      onClick={() => setLive(mode === 'off')}
    >
      <i aria-hidden="true" />
      {isFine ? words[mode] : 'Lost'}
    </button>
  )
}
