import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { CallFailedError } from '../../src/client/client.ts'

/** A server that answers as it is told, in turn. */
export async function serve(t: TestContext, ...answers: RequestListener[]) {
  const requests: { url: string | undefined; headers: Record<string, unknown> }[] = []
  const server = createServer((request, response) => {
    requests.push({ url: request.url, headers: request.headers })
    request.resume()
    answers[Math.min(requests.length, answers.length) - 1]?.(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  return { requests, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** Whether it is the error of a call with this code. */
export const failed = (code: string, status?: number) => (error: unknown) =>
  error instanceof CallFailedError && error.code === code && (status === undefined || error.status === status)
