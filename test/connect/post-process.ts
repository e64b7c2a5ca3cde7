import { readAllowList } from '../../src/connect/allow-list.ts'
import { postOutside } from '../../src/connect/outbound-call.ts'
import { createOutboundGuard } from '../../src/connect/outbound-guard.ts'

/** POSTs to each URL of its arguments, all hosts being 127.0.0.1, and prints a status or the code of an error. */
if (process.argv[1] === import.meta.filename) {
  const allow = readAllowList(['127.0.0.0/8'], () => {})
  for (const url of process.argv.slice(2)) {
    const ports = [Number(new URL(url).port)]
    const guard = createOutboundGuard({ allow, ports, resolve: async () => ['127.0.0.1'] })
    const { signal } = new AbortController()
    const told = await postOutside(guard, { url, headers: {}, body: '{}', timeoutMs: 5_000, signal }).then(
      ({ status }) => status,
      ({ code }: { code?: string }) => code,
    )
    console.log(told)
  }
}
