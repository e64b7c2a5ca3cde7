import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { defineApplication } from '../../src/define/application.ts'
import { defineQueueProcessor } from '../../src/define/queue-processor.ts'
import { resolveApplications } from '../../src/define/registry.ts'
import { defineRequestProcessor } from '../../src/define/request-processor.ts'

const input = z.object({ id: z.string() })
const apart = defineQueueProcessor({ name: 'provision', input })
const handled = apart.process(() => 'done')
const application = (name: string, definitions: unknown[], uses: unknown[] = []) =>
  defineApplication({ name, definitions, uses } as never)

/** `hr/provision: effective`, a line each, from the top of the stack down. */
function standings(...applications: unknown[]): string[] {
  const { registry, problems } = resolveApplications(applications as never)
  assert.deepEqual(problems, [])
  return registry.stack.flatMap(({ name, definitions }) =>
    definitions.map(({ name: definition, standing, by, overrides, under }) =>
      [
        `${name}/${definition}: ${standing}`,
        ...(by === undefined ? [] : [`by ${by}`]),
        ...(overrides ? [`overrides ${overrides.join(' ')}`] : []),
        ...(under ? [`under ${under.join(' ')}`] : []),
      ].join(' '),
    ),
  )
}

test('the stack says who uses whom, in the order of who overrides', () => {
  const hr = application('hr', [handled])
  const berlin = application('berlin', [], [hr])
  const { registry } = resolveApplications([application('web', []), berlin] as never)
  assert.deepEqual(
    registry.stack.map(({ name, uses }) => [name, uses]),
    [
      ['web', []],
      ['berlin', ['hr']],
      ['hr', []],
    ],
  )
})

test('what is overridden names what overrides it, and the other way round', () => {
  assert.deepEqual(
    standings(application('top', [handled]), application('hr', [handled]), application('base', [apart])),
    [
      'top/provision: effective overrides hr base',
      'hr/provision: overridden by top',
      'base/provision: overridden by top',
    ],
  )
})

test('a declaration lies over the first one with a handler, which overrides the rest', () => {
  assert.deepEqual(
    standings(application('web', [apart]), application('hr', [handled]), application('base', [handled])),
    [
      'web/provision: lies-over by hr',
      'hr/provision: effective overrides base under web',
      'base/provision: overridden by hr',
    ],
  )
})

test('where nobody has a handler the first declaration stands', () => {
  assert.deepEqual(standings(application('web', [apart]), application('hr', [apart])), [
    'web/provision: effective overrides hr',
    'hr/provision: overridden by web',
  ])
})

test('a declaration and its handler in one application are one', () => {
  assert.deepEqual(standings(application('hr', [apart, handled])), ['hr/provision: effective'])
})

test('the first request processor of a name stands', () => {
  const urgent = defineRequestProcessor({ name: 'urgent', queues: [{ queue: 'urgent' }] })
  assert.deepEqual(standings(application('top', [urgent]), application('hr', [urgent])), [
    'top/urgent: effective overrides hr',
    'hr/urgent: overridden by top',
  ])
})
