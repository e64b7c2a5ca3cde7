import type { ToldNode } from '../../api/applications.ts'
import type { Setting, SettingVariant } from '../../api/settings.ts'
import { NodeNames } from '../told-nodes.tsx'

interface TableProps {
  readonly title: string
  readonly settings: readonly Setting[]
  readonly nodes: readonly ToldNode[]
}

/** Options of one kind; where nodes differ in one, each value has a row. */
export function SettingTable({ title, settings, nodes }: TableProps) {
  const isOne = nodes.length === 1
  return (
    <table class="table settings">
      <caption class="visually-hidden">{title}</caption>
      <thead>
        <tr>
          <th scope="col">Option</th>
          <th scope="col">Value</th>
          <th scope="col">Unless set</th>
          {isOne ? null : <th scope="col">Nodes</th>}
        </tr>
      </thead>
      <tbody>
        {settings.flatMap(({ name, isOwn, variants }) =>
          variants.map((variant) => (
            <tr key={`${name} ${variant.nodes[0]}`}>
              <td class="setting-name mono">
                <OptionName name={name} />
              </td>
              <Value variant={variant} />
              {isOne ? null : (
                <td class="setting-nodes">
                  <NodeNames of={variant.nodes} nodes={nodes} isOwn={isOwn} />
                </td>
              )}
            </tr>
          )),
        )}
      </tbody>
    </table>
  )
}

function Value({ variant: { value, unless, isSet } }: { variant: SettingVariant }) {
  return (
    <>
      <td class="setting-value wrap">
        {isSet ? <b>{value}</b> : value}
        {isSet || unless === '' ? null : <span class="tag">default</span>}
      </td>
      <td class="setting-unless wrap">{isSet ? unless : <span class="none">–</span>}</td>
    </>
  )
}

/** It may wrap before a dot. */
function OptionName({ name }: { name: string }) {
  return (
    <>
      {name.split('.').map((part, at) =>
        at === 0 ? (
          part
        ) : (
          <>
            <wbr />.{part}
          </>
        ),
      )}
    </>
  )
}
