import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * The two stories as commands to be copied, one after the other.
 * @param url of the node
 * @param callbackUrl of a server that takes callbacks
 */
export function tellStories(url: string, callbackUrl: string): string {
  const ticket = join(tmpdir(), 'coatcheck-ticket')
  const call = (service: string, input: object, ...headers: readonly string[]) =>
    [
      'curl -si',
      ...['content-type: application/json', ...headers].map((header) => `-H '${header}'`),
      `-d '${JSON.stringify(input)}'`,
      `${url}/services/cases/${service}`,
    ].join(' ')
  const keepTicket = ` | tee ${ticket}
  ID=$(tr -d '\\r' < ${ticket} | sed -n 's/^location: .*\\///p')`
  const getResult = `curl -si -H 'content-type: application/json' -d "{\\"queueItemId\\":\\"$ID\\"}" ${url}/services/cases/get-update-result`

  return `Sync, then queue

1. Nobody has C-1 open: it is updated at once.
  ${call('update-work-object', { id: 'C-1', status: 'open' })}

2. Ada opens C-1, which locks it.
  ${call('lock-work-object', { id: 'C-1', by: 'ada' })}

3. Now the update is queued, and tried again: the answer has the queue item id.
  ${call('update-work-object', { id: 'C-1', status: 'resolved' })}${keepTicket}

4. How it stands, for who holds no more than that id.
  ${getResult}

5. Another failure is answered at once, and is not queued.
  ${call('update-work-object', { id: 'C-9', status: 'resolved' })}

6. Ada is done.
  ${call('unlock-work-object', { id: 'C-1' })}

7. The result: what step 3 would have answered.
  curl -si "${url}/queue-items/$ID/result?wait=20s"

8. The same from the service of step 4.
  ${getResult}

Async

9. Always queued: answered before anything runs.
  ${call('update-work-object-later', { id: 'C-2', status: 'open' })}${keepTicket}

10. The result.
  curl -si "${url}/queue-items/$ID/result?wait=20s"

11. Who would rather wait a little says so.
  ${call('update-work-object-later', { id: 'C-2', status: 'pending' }, 'prefer: wait=10')}

12. Who would rather be told gives a URL; its callback is printed here.
  ${call('update-work-object-later', { id: 'C-2', status: 'resolved' }, `callback-url: ${callbackUrl}`)}
`
}
