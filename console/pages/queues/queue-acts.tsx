import type { Queue } from '../../api/queues.ts'
import { useState } from '../../preact.ts'
import { may, maySeeAll } from '../../state/session.ts'
import { Icon } from '../../ui/icon.tsx'
import { QueueActDialog, queueActs, type QueueAct } from './queue-act-dialog.tsx'

const icons = { start: 'play', pause: 'pause', stop: 'stop', restart: 'restart' } as const

/** Start, pause, stop and restart, as far as they make sense. */
export function QueueActs({
  queue,
  reload,
  withWords,
}: {
  queue: Queue
  reload: () => void
  withWords?: boolean
}) {
  const [act, setAct] = useState<QueueAct>()
  if (!may('operator') || !maySeeAll()) return null
  const acts: readonly QueueAct[] = {
    running: ['pause', 'stop', 'restart'] as const,
    paused: ['start', 'stop'] as const,
    stopped: ['start'] as const,
  }[queue.state]
  return (
    <span class="queue-acts">
      {acts.map((each) => (
        <button
          key={each}
          type="button"
          class={withWords ? 'button' : 'icon-button'}
          aria-label={`${queueActs[each].name} ${queue.name}`}
          title={queueActs[each].name}
          onClick={() => setAct(each)}
        >
          <Icon name={icons[each]} />
          {withWords ? queueActs[each].name : null}
        </button>
      ))}
      {act === undefined ? null : (
        <QueueActDialog queue={queue.name} act={act} onClose={() => setAct(undefined)} onDone={reload} />
      )}
    </span>
  )
}
