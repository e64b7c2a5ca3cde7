import { readSession } from '../api/session.ts'
import { useEffect } from '../preact.ts'
import { isConnected } from '../state/connection.ts'
import { liveMode } from '../state/live.ts'
import { refreshSession } from '../state/session.ts'
import { useStore } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'

const retryMs = 2_000

/** Says that what is shown may be old, and looks whether the node is back. */
export function ConnectionBar() {
  const isFine = useStore(isConnected)
  const mode = useStore(liveMode)
  useEffect(() => {
    if (isFine) return undefined
    // an answer of any kind makes it connected again; see request.ts
    const timer = setInterval(() => void readSession().catch(() => undefined), retryMs)
    return () => clearInterval(timer)
  }, [isFine])
  return (
    <div role="status" aria-live="polite">
      {isFine ? null : (
        <div class="connection-bar">
          <Icon name="warning" />
          <span>
            The connection to the node is lost; what you see may be old. Trying again
            {mode === 'off' ? '' : ' by itself'}…
          </span>
          <button type="button" class="button" onClick={() => void refreshSession()}>
            Try now
          </button>
        </div>
      )}
    </div>
  )
}
