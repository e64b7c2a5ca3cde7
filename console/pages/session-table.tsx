import { endSession, listSessions, type OpenSession } from '../api/access.ts'
import { useState } from '../preact.ts'
import { useList } from '../state/list.ts'
import { refreshSession } from '../state/session.ts'
import { say } from '../state/toasts.ts'
import { Ago } from '../ui/ago.tsx'
import { AskDialog } from '../ui/ask-dialog.tsx'
import { MoreButton } from '../ui/more-button.tsx'
import { ProblemNote } from '../ui/problem-note.tsx'
import { Skeleton } from '../ui/skeleton.tsx'

/** Who is signed in; each session can be ended. */
export function SessionTable() {
  const list = useList('sessions', (cursor, signal) => listSessions(cursor, signal))
  const [ended, setEnded] = useState<OpenSession>()
  if (list.problem !== undefined && list.items.length === 0)
    return <ProblemNote problem={list.problem} retry={list.reload} />
  if (list.last === undefined) return <Skeleton rows={3} />
  return (
    <>
      <table class="table cards">
        <caption class="visually-hidden">Open sessions</caption>
        <thead>
          <tr>
            <th scope="col">Who</th>
            <th scope="col">Signed in by</th>
            <th scope="col" class="number">
              Since
            </th>
            <th scope="col" class="number">
              Last used
            </th>
            <th scope="col" class="number">
              Ends
            </th>
            <th scope="col">
              <span class="visually-hidden">Acts</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.items.map((session) => (
            <tr key={session.id}>
              <td data-label="Who" class="name-cell">
                <b>{session.operator.name}</b>
                <small>{session.isOwn ? 'this session' : session.operator.role}</small>
              </td>
              <td data-label="Signed in by">{session.via}</td>
              <td data-label="Since" class="number">
                <Ago at={session.createdAt} />
              </td>
              <td data-label="Last used" class="number">
                <Ago at={session.seenAt} />
              </td>
              <td data-label="Ends" class="number">
                <Ago at={session.expiresAt} />
              </td>
              <td class="acts-cell">
                <button
                  type="button"
                  class="button danger-text"
                  aria-label={`End the session of ${session.operator.name}`}
                  onClick={() => setEnded(session)}
                >
                  End
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <MoreButton list={list} />
      {ended === undefined ? null : (
        <AskDialog
          title={`End the session of ${ended.operator.name}?`}
          action="End it"
          isDangerous
          onConfirm={async (reason) => {
            await endSession(ended.id, reason)
            say('The session is over')
            if (ended.isOwn) await refreshSession()
            else list.reload()
          }}
          onClose={() => setEnded(undefined)}
        >
          <p>Who uses it has to sign in again.</p>
        </AskDialog>
      )}
    </>
  )
}
