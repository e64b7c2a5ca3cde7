import { AlertsPage } from '../pages/alerts-page.tsx'
import { ApiKeysPage } from '../pages/api-keys-page.tsx'
import { ApplicationsPage } from '../pages/applications/applications-page.tsx'
import { AuditPage } from '../pages/audit/audit-page.tsx'
import { ItemPage } from '../pages/item/item-page.tsx'
import { ItemsPage } from '../pages/items/items-page.tsx'
import { NodesPage } from '../pages/nodes-page.tsx'
import { OverviewPage } from '../pages/overview-page.tsx'
import { QueuePage } from '../pages/queue/queue-page.tsx'
import { QueuesPage } from '../pages/queues/queues-page.tsx'
import { ServicesPage } from '../pages/services/services-page.tsx'
import { SettingsPage } from '../pages/settings/settings-page.tsx'
import { UsersPage } from '../pages/users-page.tsx'
import type { VNode } from '../preact.ts'
import type { PageEntry } from '../state/pages.ts'
import { hrefOf, place } from '../state/router.ts'
import { useStore } from '../state/store.ts'
import { EmptyNote } from '../ui/empty-note.tsx'
import { PageHead } from '../ui/page-head.tsx'

const pagesByName: Readonly<Record<string, () => VNode>> = {
  overview: () => <OverviewPage />,
  queues: () => <QueuesPage />,
  items: () => <ItemsPage />,
  services: () => <ServicesPage />,
  'api-keys': () => <ApiKeysPage />,
  nodes: () => <NodesPage />,
  applications: () => <ApplicationsPage />,
  alerts: () => <AlertsPage />,
  audit: () => <AuditPage />,
  users: () => <UsersPage />,
  settings: () => <SettingsPage />,
}

/** The page that the address names. */
export function ShownPage({ pages }: { pages: readonly PageEntry[] }) {
  const { parts } = useStore(place)
  const [name = pages[0]?.name, detail, ...rest] = parts
  const isKnown = pages.some((page) => page.name === name) && rest.length === 0
  if (isKnown && detail !== undefined && name === 'items') return <ItemPage key={detail} id={detail} />
  if (isKnown && detail !== undefined && name === 'queues') return <QueuePage key={detail} name={detail} />
  const page = isKnown && detail === undefined ? pagesByName[name ?? ''] : undefined
  return page === undefined ? <NoPage /> : page()
}

function NoPage() {
  return (
    <>
      <PageHead title="No such page" />
      <EmptyNote title="There is nothing at this address.">
        It may not be built into this node, or not be for your role. <a href={hrefOf([])}>To the start</a>
      </EmptyNote>
    </>
  )
}
