import type { OwnedPartition } from './owned-partition.ts'

/** What a queue has in memory on this node. */
export interface QueueLoad {
  loaded: number
  ready: number
  /** Characters of its items, about. */
  size: number
  /** No more of it may come into memory until some has gone. */
  isFull: boolean
}

/** Items in memory, of one queue and of all, and their characters. */
const maxLoadedOfQueue = 5_000
const maxLoaded = 50_000
const maxSizeOfQueue = 32_000_000
const maxSize = 48_000_000
/** Beyond the bounds of all: of this each queue has an equal share, so that slow ones do not keep the others waiting. */
const sharedLoaded = 10_000
const sharedSize = 16_000_000

/** What the queues of the partitions have in memory. The partitions are all that the node owns. */
export function queueLoads(partitions: Iterable<OwnedPartition>): Map<number, QueueLoad> {
  const queues = new Map<number, QueueLoad>()
  let loadedOfAll = 0
  let sizeOfAll = 0
  for (const { queue, loaded, loadedSize: size, ready } of partitions) {
    loadedOfAll += loaded
    sizeOfAll += size
    const sum = queues.get(queue)
    if (!sum) queues.set(queue, { loaded, ready, size, isFull: false })
    else {
      sum.loaded += loaded
      sum.ready += ready
      sum.size += size
    }
  }
  const isCrowded = loadedOfAll >= maxLoaded || sizeOfAll >= maxSize
  const loadedLimit = isCrowded ? sharedLoaded / queues.size : maxLoadedOfQueue
  const sizeLimit = isCrowded ? sharedSize / queues.size : maxSizeOfQueue
  for (const sum of queues.values())
    sum.isFull = sum.loaded >= Math.min(maxLoadedOfQueue, loadedLimit) || sum.size >= sizeLimit
  return queues
}
