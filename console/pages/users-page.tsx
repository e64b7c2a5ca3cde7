import { listUsers, type User } from '../api/access.ts'
import { useState } from '../preact.ts'
import { useList } from '../state/list.ts'
import { may, maySeeAll } from '../state/session.ts'
import { Ago } from '../ui/ago.tsx'
import { EmptyNote } from '../ui/empty-note.tsx'
import { MoreButton } from '../ui/more-button.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { ProblemNote } from '../ui/problem-note.tsx'
import { Section } from '../ui/section.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { SessionTable } from './session-table.tsx'
import { UserDialog } from './user-dialog.tsx'

/** Who may sign in, and who is signed in. */
export function UsersPage() {
  return (
    <>
      {maySeeAll() ? <Users /> : <PageHead title="Users" />}
      <Section title="Sessions">
        <SessionTable />
      </Section>
    </>
  )
}

function Users() {
  const list = useList('users', (cursor, signal) => listUsers(cursor, signal))
  const [edited, setEdited] = useState<User | 'new'>()
  return (
    <>
      <PageHead title="Users">
        {may('administrator') ? (
          <button type="button" class="button primary" onClick={() => setEdited('new')}>
            New user
          </button>
        ) : null}
      </PageHead>
      {list.problem === undefined ? null : <ProblemNote problem={list.problem} retry={list.reload} />}
      {list.last === undefined && list.problem === undefined ? <Skeleton /> : null}
      {list.last !== undefined && list.items.length === 0 ? (
        <EmptyNote title="No users.">
          People sign in by a link that the node prints, or by an issuer. A user here has a name and a
          password.
        </EmptyNote>
      ) : null}
      {list.items.length === 0 ? null : <Table users={list.items} edit={setEdited} />}
      <MoreButton list={list} />
      {edited === undefined ? null : (
        <UserDialog
          user={edited === 'new' ? undefined : edited}
          onClose={() => setEdited(undefined)}
          onDone={list.reload}
        />
      )}
    </>
  )
}

function Table({ users, edit }: { users: readonly User[]; edit: (user: User) => void }) {
  return (
    <table class="table cards">
      <caption class="visually-hidden">Users</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Role</th>
          <th scope="col">Access group</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Made
          </th>
          <th scope="col">
            <span class="visually-hidden">Acts</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {users.map((user) => (
          <tr key={user.name} data-quiet={user.isDisabled}>
            <td data-label="Name">
              <b>{user.name}</b>
            </td>
            <td data-label="Role">{user.role}</td>
            <td data-label="Access group">{user.accessGroup ?? <span class="none">all</span>}</td>
            <td data-label="State">
              {user.isDisabled ? 'disabled' : user.hasPassword ? 'may sign in' : 'by an issuer alone'}
            </td>
            <td data-label="Made" class="number">
              <Ago at={user.createdAt} />
            </td>
            <td class="acts-cell">
              {may('administrator') ? (
                <button
                  type="button"
                  class="button"
                  aria-label={`Change ${user.name}`}
                  onClick={() => edit(user)}
                >
                  Change
                </button>
              ) : null}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
