import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { currentProcess, type ProcessIdentity } from '../../src/store/process-identity.ts'
import type { ChaosRun } from '../chaos/chaos-run.ts'
import type { WorkerNode } from '../chaos/worker-node.ts'
import { skipped, startRun } from './chaos-setup.ts'

describe('a node whose process is gone', { skip: skipped }, () => {
  it('loses its lease to one of the same machine, which goes on with what it owned', async (t) => {
    const run = await startRun(t, 2)
    const [killed, other] = run.nodes as [WorkerNode, WorkerNode]
    const [[id] = []] = killed.ids
    await run.load.enqueue(3_000, 300, 'a')
    await run.reaches(300, 30_000)
    await killed.kill()
    const until = await leaseOf(run, id as string)
    await other.hears('the other is gone', (news) => news.some(({ event }) => event === 'node.gone'))
    await run.finish(60_000)

    const told = other.news.find(({ event }) => event === 'node.gone')?.data
    assert.equal(told?.['node'], id)
    assert.ok((await leaseOf(run, id as string)) < until, 'the lease was not shortened')
    assert.deepEqual(run.check().violations, [])
  })

  it('keeps it where nobody can tell from here: another host, another pid namespace, no word of it', async (t) => {
    const run = await startRun(t, 1)
    const own = await currentProcess()
    const dead = { ...own, pid: 4_194_303 }
    const others: Record<string, ProcessIdentity | undefined> = {
      '01900000-0000-7000-8000-000000000001': { ...dead, hostName: 'elsewhere' },
      '01900000-0000-7000-8000-000000000002': { ...dead, pidNamespace: 'pid:[1]' },
      '01900000-0000-7000-8000-000000000003': { ...dead, machineBootId: 'another boot' },
      '01900000-0000-7000-8000-000000000004': undefined,
      '01900000-0000-7000-8000-000000000005': own,
    }
    for (const [id, process] of Object.entries(others)) await enter(run, id, process)
    const ends = '01900000-0000-7000-8000-000000000009'
    await enter(run, ends, dead)
    const [node] = run.nodes as [WorkerNode]
    await node.hears('one is gone', (news) => news.some(({ data }) => data['node'] === ends))
    // the next look
    await pass(1_500)

    assert.equal(node.count('node.gone'), 1)
    for (const id of Object.keys(others)) assert.ok((await leaseOf(run, id)) > Date.now() + 60_000, id)
  })
})

/** A node that serves nothing, with a lease of an hour. */
async function enter(run: ChaosRun, id: string, process: ProcessIdentity | undefined): Promise<void> {
  await run.load.query(
    `insert into coatcheck.node (boot_id, name, types, version, queues, started_at, lease_until, process)
    values ($1, 'entered', '{}', '0', '{}', now(), now() + interval '1 hour', $2)`,
    [id, process === undefined ? null : JSON.stringify(process)],
  )
}

async function leaseOf(run: ChaosRun, id: string): Promise<number> {
  const { rows } = await run.load.query(
    'select extract(epoch from lease_until) * 1000 as until from coatcheck.node where boot_id = $1',
    [id],
  )
  return Number(rows[0]?.['until'])
}
