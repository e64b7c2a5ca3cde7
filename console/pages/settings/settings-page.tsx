import { readSettings, type Settings } from '../../api/settings.ts'
import { hrefOf } from '../../state/router.ts'
import { Moment } from '../../ui/ago.tsx'
import { plural } from '../../ui/format.ts'
import { Icon } from '../../ui/icon.tsx'
import { Section } from '../../ui/section.tsx'
import { Tile } from '../../ui/tile.tsx'
import { ToldNotes, ToldPage, useTold } from '../told-nodes.tsx'
import { SettingTable } from './setting-table.tsx'

/** What nodes are configured with, and what they stand on. To read; it is changed where nodes are made. */
export function SettingsPage() {
  const told = useTold('settings', (signal) => readSettings(signal))
  return (
    <ToldPage title="Settings" told={told}>
      {(value) => <Shown told={value} />}
    </ToldPage>
  )
}

function Shown({ told }: { told: Settings }) {
  const { nodes, settings, isSameOnAll, database, migrations } = told
  const groups = [...new Set(settings.map(({ group }) => group))]
  return (
    <>
      <ToldNotes
        nodes={nodes}
        isSameOnAll={isSameOnAll}
        differs="The nodes are not all configured the same. Where they differ, the nodes are named."
      />
      <Summary told={told} />
      {database.losses.map((sentence) => (
        <div key={sentence} class="why settings-note">
          <Icon name="warning" />
          <p>{sentence}.</p>
        </div>
      ))}
      {groups.map((group) => (
        <Section key={group} title={group}>
          <SettingTable
            title={group}
            settings={settings.filter((setting) => setting.group === group)}
            nodes={nodes}
          />
        </Section>
      ))}
      <Section title="Migrations" count={migrations.length}>
        <details class="migrations">
          <summary>Which ones, and when</summary>
          <ol>
            {migrations.map(({ number, name, appliedAt }) => (
              <li key={number}>
                <span class="mono">{name}</span> <Moment at={appliedAt} />
              </li>
            ))}
          </ol>
        </details>
      </Section>
      <p class="section-lead settings-foot">
        Nothing is changed here: these are options of <code>createNode</code>, and what is secret among them
        is not sent to this page.
      </p>
    </>
  )
}

function Summary({ told: { nodes, database, migrations, migrationsKnown } }: { told: Settings }) {
  const releases = [...new Set(nodes.map(({ version }) => version))]
  const last = migrations.at(-1)?.number ?? 0
  const newer = last - migrationsKnown
  const commits =
    database.synchronousStandbys === ''
      ? `synchronous_commit ${database.synchronousCommit}`
      : `synchronous_commit ${database.synchronousCommit}, standbys ${database.synchronousStandbys}`
  return (
    <div class="tiles">
      <Tile
        name="Release"
        value={releases.join(', ')}
        note={plural(nodes.length, 'node')}
        tone={releases.length > 1 ? 'warn' : undefined}
        href={hrefOf(['nodes'])}
      />
      <Tile
        name="Schema"
        value={database.schema}
        note={
          newer > 0
            ? `migration ${last}: ${newer} more than this node's release has`
            : `migration ${last}, the last of this release`
        }
        tone={newer > 0 ? 'warn' : undefined}
      />
      <Tile
        name="Database"
        value={database.kind === 'pglite' ? 'embedded' : `PostgreSQL ${database.version}`}
        note={
          database.kind === 'pglite'
            ? `PostgreSQL ${database.version} in this process`
            : `${database.name}, as ${database.user}`
        }
      />
      <Tile
        name="What was accepted is"
        value={database.isDurable ? 'durable' : 'not durable'}
        note={database.kind === 'pglite' ? 'for development' : `fsync ${database.fsync}, ${commits}`}
        tone={database.isDurable ? undefined : 'warn'}
      />
    </div>
  )
}
