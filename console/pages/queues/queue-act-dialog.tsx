import { restartQueue, setQueueState, type QueueState } from '../../api/queues.ts'
import { say } from '../../state/toasts.ts'
import { AskDialog } from '../../ui/ask-dialog.tsx'

export type QueueAct = 'start' | 'pause' | 'stop' | 'restart'

interface Words {
  readonly name: string
  readonly what: string
  readonly done: string
  readonly state?: QueueState
}

export const queueActs: Readonly<Record<QueueAct, Words>> = {
  start: { name: 'Start', what: 'Items run again.', done: 'started', state: 'running' },
  pause: {
    name: 'Pause',
    what: 'Nothing new starts; what runs goes on to its end. Items are accepted all the same, and wait.',
    done: 'paused',
    state: 'paused',
  },
  stop: {
    name: 'Stop',
    what: 'Nothing new starts, and what runs is told to end now; it comes back later without using up an attempt. Items are accepted all the same, and wait.',
    done: 'stopped',
    state: 'stopped',
  },
  restart: {
    name: 'Restart',
    what: 'What runs is told to end and begins again, without using up an attempt. It helps where handlers hang.',
    done: 'restarted',
  },
}

export function QueueActDialog({
  queue,
  act,
  onClose,
  onDone,
}: {
  queue: string
  act: QueueAct
  onClose: () => void
  onDone: () => void
}) {
  const { name, what, done, state } = queueActs[act]
  const confirm = async (reason: string | undefined) => {
    await (state === undefined ? restartQueue(queue, reason) : setQueueState(queue, state, reason))
    say(`${queue} is ${done}`)
    onDone()
  }
  return (
    <AskDialog
      title={`${name} ${queue}?`}
      action={name}
      isDangerous={act === 'stop'}
      onConfirm={confirm}
      onClose={onClose}
    >
      <p>{what} All nodes follow within two seconds.</p>
    </AskDialog>
  )
}
