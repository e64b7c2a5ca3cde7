import type { Claim, Measure, Size } from '../claim.ts'
import { runTask } from '../process.ts'

interface Load {
  readonly connections: number
  readonly requests: number
  readonly quick: number
  readonly bar?: number
}

const loads: readonly Load[] = [
  { connections: 1, requests: 3_000, quick: 50 },
  { connections: 10, requests: 20_000, quick: 100 },
  { connections: 100, requests: 100_000, quick: 300, bar: 0.6 },
]

const how =
  'Requests a second of a service that queues: read, checked, durable, and answered with 202 and the ticket. Another process sends them, ' +
  'one at a time on each connection; server, sender and PostgreSQL share the machine.'

/** Beside a server of Node that reads the same body and answers the same bytes, and does nothing else. */
export function httpClaim(size: Size): Claim {
  return {
    name: 'http',
    title: 'HTTP',
    peer: 'bare server',
    how,
    measures: loads.map((load) => measureOf(load, size, 'httpBare')),
  }
}

/** Beside the same accepts in the process itself. */
export function httpCostClaim(size: Size): Claim {
  return {
    name: 'http-cost',
    title: 'What HTTP costs',
    peer: 'node.enqueue',
    how,
    measures: loads.map(({ connections, requests, quick }) =>
      measureOf({ connections, requests, quick }, size, 'httpWithout'),
    ),
  }
}

function measureOf(load: Load, size: Size, peer: 'httpBare' | 'httpWithout'): Measure {
  const requests = size === 'quick' ? load.quick : load.requests
  const subject = (task: 'httpCoatcheck' | typeof peer) => ({
    conditions: `${requests.toLocaleString('en')} requests`,
    run: async (url: string) => {
      const { seconds } = await runTask(task, { url, requests, connections: load.connections })
      return { rate: requests / seconds }
    },
  })
  return {
    title: `${load.connections} ${load.connections === 1 ? 'connection' : 'connections'}`,
    figures: [{ name: 'rate', unit: 'requests/s', ...(load.bar === undefined ? {} : { bar: load.bar }) }],
    coatcheck: subject('httpCoatcheck'),
    peer: subject(peer),
  }
}
