import { setTimeout as delay } from 'node:timers/promises'
import type { ChaosCase } from '../chaos-case.ts'
import { atLeast, atMost, none, told } from '../figure.ts'
import { mountSmallDisk } from '../nemeses/full-disk.ts'
import { timeRecovery } from '../recovery.ts'

const megabytes = 512

export const fullDisk: ChaosCase = {
  number: 27,
  name: 'the disk of PostgreSQL is full, and then is not',
  minutes: 1,
  shortSeconds: 16,
  leavesOut:
    'a server that gives up for want of room is started again once there is room, as a supervisor does',
  async play(open) {
    const disk = mountSmallDisk(megabytes)
    try {
      const stage = await open({
        serverFolder: disk.folder,
        serverSettings: { max_wal_size: '64MB', min_wal_size: '32MB' },
      })
      const { run, options, server } = stage
      await stage.prepare(2)
      let fills = 0
      let ends = 0
      let slowestMs = 0
      await stage.underLoad(
        async (load) => {
          const until = performance.now() + options.seconds * 1000
          do {
            await stage.markFault()
            const full = performance.now() + options.seconds * 300
            for (; performance.now() < full; await delay(200)) disk.fill()
            fills++
            disk.free()
            if (!server.isRunning) {
              await server.restart()
              ends++
            }
            slowestMs = Math.max(slowestMs, await timeRecovery(stage, load))
            await delay(2_000)
          } while (performance.now() < until)
        },
        // The disk holds so much and no more.
        { rate: Math.min(stage.rate, 1_000) },
      )
      const { figures, standing } = await stage.close()
      const refused = [...run.load.refusals.values()].reduce((sum, count) => sum + count, 0)
      return [
        atLeast('times that the disk was full', fills, 1),
        atLeast('items refused meanwhile', refused + run.load.unknown.length, 1),
        ...figures,
        told('times that the server gave up', ends),
        none('accepted and not succeeded', standing.open),
        none('processes that ended', run.everyNode.filter((node) => !node.isAlive).length),
        atMost('first accept and first end after there is room', slowestMs, 10_000, 'ms'),
      ]
    } finally {
      // At once only by name: the server that is on it is ended later.
      disk.remove()
    }
  },
}
