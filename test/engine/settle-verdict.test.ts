import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CoatcheckError } from '../../src/base/errors.ts'
import { Events } from '../../src/base/events.ts'
import { OwnedPartition } from '../../src/engine/owned-partition.ts'
import { judgeCommit } from '../../src/engine/settle-verdict.ts'
import { SettlementBatch } from '../../src/engine/settlement-batch.ts'
import type { Driver } from '../../src/store/driver.ts'

test(
  'whether a commit went through is not asked for partitions that are lost: their node has stopped',
  { timeout: 20_000 },
  async () => {
    const place = { queue: 1, partition: 0, generation: 1, epoch: 1, done: [], indexedTo: 0 }
    const partition = new OwnedPartition(place, { keyed: false, startable: false })
    const batch = new SettlementBatch([], [{ partition, ranges: [], holesIn: [], holesOut: [] }])
    let asked = 0
    const driver = {
      run: async () => {
        // As when its node stops while it is asked: the partitions go, then the driver is closed.
        if (++asked === 3) partition.lost = true
        throw new CoatcheckError('DATABASE_CLOSED', 'closed')
      },
    } as unknown as Driver
    const verdict = await judgeCommit(
      {
        database: { driver, schema: 'coatcheck', warnings: [] },
        bootId: '',
        lease: { isSafe: true },
        events: new Events(),
        onFenced: () => {},
      },
      batch,
    )
    assert.equal(verdict, 'again')
    assert.equal(asked, 3)
  },
)
