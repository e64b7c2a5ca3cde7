import { listApiKeys, revokeApiKey, type ApiKey } from '../api/access.ts'
import { useState } from '../preact.ts'
import { useList } from '../state/list.ts'
import { may } from '../state/session.ts'
import { say } from '../state/toasts.ts'
import { Ago } from '../ui/ago.tsx'
import { AskDialog } from '../ui/ask-dialog.tsx'
import { EmptyNote } from '../ui/empty-note.tsx'
import { MoreButton } from '../ui/more-button.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { ProblemNote } from '../ui/problem-note.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { ApiKeyDialog } from './api-key-dialog.tsx'

export function ApiKeysPage() {
  const list = useList('api-keys', (cursor, signal) => listApiKeys(cursor, signal))
  const [isMaking, setMaking] = useState(false)
  const [revoked, setRevoked] = useState<ApiKey>()
  const isEmpty = list.last !== undefined && list.items.length === 0
  return (
    <>
      <PageHead title="API keys">
        {may('administrator') ? (
          <button type="button" class="button primary" onClick={() => setMaking(true)}>
            New key
          </button>
        ) : null}
      </PageHead>
      {list.problem === undefined ? null : <ProblemNote problem={list.problem} retry={list.reload} />}
      {list.last === undefined && list.problem === undefined ? <Skeleton /> : null}
      {isEmpty ? (
        <EmptyNote title="No keys." code="npx coatcheck keys create --name billing">
          Other systems call services with one. Make it here, or in a terminal.
        </EmptyNote>
      ) : null}
      {list.items.length === 0 ? null : <Table keys={list.items} revoke={setRevoked} />}
      <MoreButton list={list} />
      {isMaking ? <ApiKeyDialog onClose={() => setMaking(false)} onDone={list.reload} /> : null}
      {revoked === undefined ? null : (
        <AskDialog
          title={`Revoke ${revoked.name}?`}
          action="Revoke"
          isDangerous
          onConfirm={async (reason) => {
            await revokeApiKey(revoked.id, reason)
            say(`${revoked.name} is revoked`)
            list.reload()
          }}
          onClose={() => setRevoked(undefined)}
        >
          <p>Whoever calls with it is refused within seconds. It cannot be taken back.</p>
        </AskDialog>
      )}
    </>
  )
}

function Table({ keys, revoke }: { keys: readonly ApiKey[]; revoke: (key: ApiKey) => void }) {
  return (
    <table class="table cards">
      <caption class="visually-hidden">API keys</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Roles</th>
          <th scope="col">Services</th>
          <th scope="col">Access group</th>
          <th scope="col" class="number">
            Made
          </th>
          <th scope="col" class="number">
            Last used
          </th>
          <th scope="col" class="number">
            Expires
          </th>
          <th scope="col">
            <span class="visually-hidden">Acts</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id} data-quiet={key.state !== 'active'}>
            <td data-label="Name" class="name-cell">
              <b>{key.name}</b>
              <small class="mono">{key.id}</small>
            </td>
            <td data-label="Roles">{key.roles.join(', ') || <span class="none">–</span>}</td>
            <td data-label="Services">{key.services?.join(', ') || <span class="none">all</span>}</td>
            <td data-label="Access group">{key.accessGroup ?? <span class="none">–</span>}</td>
            <td data-label="Made" class="number">
              <Ago at={key.createdAt} />
            </td>
            <td data-label="Last used" class="number">
              <Ago at={key.lastUsedAt} />
            </td>
            <td data-label="Expires" class="number">
              {key.expiresAt === undefined ? <span class="none">never</span> : <Ago at={key.expiresAt} />}
            </td>
            <td class="acts-cell">
              <KeyAct apiKey={key} revoke={revoke} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function KeyAct({ apiKey, revoke }: { apiKey: ApiKey; revoke: (key: ApiKey) => void }) {
  const { name, state } = apiKey
  if (state !== 'active') return <span class="quiet">{state}</span>
  if (!may('administrator')) return null
  return (
    <button
      type="button"
      class="button danger-text"
      aria-label={`Revoke ${name}`}
      onClick={() => revoke(apiKey)}
    >
      Revoke
    </button>
  )
}
