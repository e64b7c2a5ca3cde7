import { readItem, type Item } from '../../api/items.ts'
import { listServices } from '../../api/services.ts'
import { useLoaded } from '../../state/loaded.ts'
import { knownPages } from '../../state/pages.ts'
import { hrefOf } from '../../state/router.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { EmptyNote } from '../../ui/empty-note.tsx'
import { Icon } from '../../ui/icon.tsx'
import { JsonView } from '../../ui/json-view.tsx'
import { PageHead } from '../../ui/page-head.tsx'
import { ProblemNote } from '../../ui/problem-note.tsx'
import { Section } from '../../ui/section.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { StateChip } from '../../ui/state-chip.tsx'
import { itemsHref } from '../items/item-filter.ts'
import { ItemActs } from './item-acts.tsx'
import { itemCurl } from './item-curl.ts'
import { ItemFacts } from './item-facts.tsx'
import { ItemLink, ItemRelatives } from './item-relatives.tsx'
import { Timeline } from './timeline.tsx'

/** What happened to one item, and what can be done. */
export function ItemPage({ id }: { id: string }) {
  const item = useLoaded(`item ${id}`, (signal) => readItem(id, signal), 'item')
  if (item.value === undefined)
    return (
      <>
        <PageHead title="Item" />
        {item.problem?.status === 404 ? (
          <EmptyNote title="There is no such item.">
            Its retention may be over, or it is not for you. <a href={itemsHref({})}>All items</a>
          </EmptyNote>
        ) : null}
        {item.problem === undefined ? <Skeleton rows={10} /> : null}
        {item.problem === undefined || item.problem.status === 404 ? null : (
          <ProblemNote problem={item.problem} retry={item.reload} />
        )}
      </>
    )
  return (
    <>
      {item.problem === undefined ? null : <ProblemNote problem={item.problem} retry={item.reload} />}
      <Shown item={item.value} reload={item.reload} />
    </>
  )
}

function Shown({ item, reload }: { item: Item; reload: () => void }) {
  const hasServices = knownPages().some(({ name }) => name === 'services')
  const services = useLoaded(hasServices && item.kind === 'service' ? 'services' : undefined, (signal) =>
    listServices(signal),
  )
  const service = services.value?.find(
    ({ name, application }) => name === item.processor && application === item.application,
  )
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href={itemsHref({})}>Items</a>
        <Icon name="chevron" />
        <a href={itemsHref({ processor: item.processor })}>{item.processor}</a>
      </nav>
      <PageHead
        title={item.key === null ? item.processor : `${item.processor} · ${item.key}`}
        mark={<StateChip state={item.state} title={item.reason} />}
      >
        <ItemActs item={item} onDone={reload} />
        <CopyButton text={() => itemCurl(item, service)} label="Copy as curl" showLabel />
      </PageHead>
      <Why item={item} />
      <div class="item-columns">
        <div class="item-story">
          <Section title="What happened">
            <Timeline entries={item.timeline} state={item.state} />
          </Section>
          <Payload title="Payload" value={item.input} />
          {item.redacted.length === 0 ? null : (
            <p class="quiet redacted">
              <Icon name="lock" /> Hidden from your role: <span class="mono">{hiddenPlaces(item)}</span>. In
              an edited payload ••• stays what it was.
            </p>
          )}
          {item.result === undefined ? null : <Payload title="Result" value={item.result} />}
          {item.progress === undefined ? null : <Payload title="Progress" value={item.progress} />}
          {item.error === undefined ? null : <Payload title="Error" value={item.error} />}
        </div>
        <aside class="item-side" aria-label="Facts">
          <ItemFacts item={item} />
          <ItemRelatives item={item} />
          {knownPages().some(({ name }) => name === 'audit') ? (
            <p>
              <a href={hrefOf(['audit'], { subject: 'item', subjectId: item.id })}>Audit of this item</a>
            </p>
          ) : null}
        </aside>
      </div>
    </>
  )
}

const hiddenPlaces = ({ redacted }: Item) => redacted.map((place) => place || 'all of it').join(', ')

/** Why it stands still, before all else. */
function Why({ item }: { item: Item }) {
  const { heldBy, blocks, error, state, key } = item
  return (
    <>
      {heldBy === undefined ? null : (
        <div class="why" data-tone="warn">
          <Icon name="lock" />
          <p>
            Held: an earlier item of its key has to end first. <ItemLink item={heldBy} />
          </p>
        </div>
      )}
      {error !== undefined && state === 'broken' ? (
        <div class="why" data-tone="bad">
          <Icon name="warning" />
          <p>
            <b class="mono">{error.code}</b> <span class="wrap">{error.message}</span>
          </p>
        </div>
      ) : null}
      {blocks && key !== null ? (
        <div class="why" data-tone="warn">
          <Icon name="lock" />
          <p>
            It blocks its key: what comes later waits until it is requeued, skipped or released.{' '}
            <a href={itemsHref({ key, state: 'held' })}>What waits</a>
          </p>
        </div>
      ) : null}
    </>
  )
}

function Payload({ title, value }: { title: string; value: unknown }) {
  return (
    <Section
      title={title}
      aside={
        <CopyButton
          text={() => JSON.stringify(value, undefined, 2) ?? ''}
          label={`Copy the ${title.toLowerCase()}`}
        />
      }
    >
      <JsonView value={value} label={title} />
    </Section>
  )
}
