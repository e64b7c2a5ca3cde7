import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { test, type TestContext } from 'node:test'
import { isCoatcheckError } from '../../src/base/errors.ts'
import { classifyAddress } from '../../src/connect/address-ranges.ts'
import { readAllowList } from '../../src/connect/allow-list.ts'
import { askNameServers, type Resolve } from '../../src/connect/host-addresses.ts'
import { postOutside } from '../../src/connect/outbound-call.ts'
import { createOutboundGuard, type OutboundGuard } from '../../src/connect/outbound-guard.ts'
import { hostileUrls } from './hostile-urls.ts'
import { startNameServer } from './name-server.ts'

const never = new AbortController().signal

/** A server that counts who comes: on every address, IPv6 too where there is one, or on one of them. */
async function startSink(
  t: TestContext,
  address = '0.0.0.0',
  wanted = 0,
): Promise<{ port: number; connections: () => number }> {
  let connections = 0
  const open = async (host: string, port: number): Promise<Server> => {
    const server = createServer((socket) => {
      connections++
      socket.destroy()
    })
    server.listen(port, host)
    await once(server, 'listening')
    t.after(() => server.close())
    return server
  }
  const first = await open(address, wanted)
  const { port } = first.address() as AddressInfo
  if (address === '0.0.0.0') await open('::1', port).catch(() => undefined)
  return { port, connections: () => connections }
}

async function startReceiver(t: TestContext, server: HttpServer, address = '127.0.0.1'): Promise<number> {
  server.listen(0, address)
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function allowing(...hosts: string[]) {
  const problems: string[] = []
  const allow = readAllowList(hosts, (problem) => problems.push(problem))
  assert.deepEqual(problems, [])
  return allow
}

const post = (guard: OutboundGuard, url: string, timeoutMs = 3_000) =>
  postOutside(guard, { url, headers: {}, body: '{}', timeoutMs, signal: never })

test('no hostile URL gets through, and nobody is connected to', async (t) => {
  const sink = await startSink(t)
  const urls = hostileUrls(sink.port)
  assert.ok(urls.length >= 200, `${urls.length} URLs`)
  // Whatever it asks for, the sink answers: what is let through by its URL would be connected to.
  const resolve: Resolve = async () => ['127.0.0.1']
  const ports = [80, 443, sink.port]
  for (const guard of [createOutboundGuard({ resolve }), createOutboundGuard({ resolve, ports })])
    for (const url of urls)
      await assert.rejects(
        post(guard, url),
        (error) => isCoatcheckError(error, 'OUTBOUND_REFUSED') || assert.fail(`${url}: ${String(error)}`),
        url,
      )
  t.diagnostic(`${urls.length} URLs, twice: ${sink.connections()} connections`)
  assert.equal(sink.connections(), 0)
})

test('most of them are refused by the URL alone', () => {
  const guard = createOutboundGuard({ ports: [80, 443, 8080, 4711] })
  const urls = hostileUrls(4711)
  const open = urls.filter((url) => {
    try {
      return guard.check(url)
    } catch {
      return false
    }
  })
  // a port that was added to those that may be called
  assert.deepEqual(open, ['http://example.com:8080/'])
})

test('what is public is let through', async () => {
  const guard = createOutboundGuard({ resolve: async () => ['93.184.216.34', '2606:2800:220:1::1'] })
  for (const url of [
    'https://example.com/hook?a=1',
    'http://example.com',
    'https://EXAMPLE.com:443/',
    'https://sub_domain.example.co.uk/',
    'https://xn--bcher-kva.example/',
    'https://8.8.8.8/hook',
    'http://[2606:4700::1111]/hook',
    'https://172.32.0.1/',
    'https://11.0.0.1/',
    'https://100.128.0.1/',
  ])
    assert.ok((await guard.resolve(url, never)).addresses.length > 0, url)
})

test('every address of a name is looked at, whatever its form', async () => {
  for (const bad of [
    '10.0.0.1',
    '::ffff:10.0.0.1',
    'fe80::1%eth0',
    '64:ff9b::a00:1',
    'nonsense',
    '169.254.169.254',
  ]) {
    const guard = createOutboundGuard({ resolve: async () => ['93.184.216.34', bad] })
    await assert.rejects(guard.resolve('https://example.com/', never), /example\.com leads to/, bad)
  }
  const nobody = createOutboundGuard({ resolve: async () => [] })
  await assert.rejects(nobody.resolve('https://example.com/', never), /has no address/)
})

test('a name that changes its address after it was checked leads to the address that was checked', async (t) => {
  const hosts: (string | undefined)[] = []
  const receiver = createHttpServer((request, response) => {
    hosts.push(request.headers.host)
    response.end()
  })
  const port = await startReceiver(t, receiver, '127.0.0.2')
  const sink = await startSink(t, '127.0.0.1', port)
  const { resolve, asked } = await startNameServer(t, {
    'rebind.example.com': [['127.0.0.2'], ['127.0.0.1']],
    'both.example.com': [['127.0.0.2', '127.0.0.1']],
    'inside.example.com': [['127.0.0.1']],
    'metadata.example.com': [['169.254.169.254']],
  })
  const guard = createOutboundGuard({ resolve, ports: [port], allow: allowing('127.0.0.2/32') })
  // nobody asks a second time
  assert.equal((await post(guard, `http://rebind.example.com:${port}/`)).status, 200)
  assert.deepEqual(asked, ['rebind.example.com'])
  // and the next call, which does, is refused
  for (const name of ['rebind', 'both', 'inside', 'metadata'])
    await assert.rejects(
      post(guard, `http://${name}.example.com:${port}/`),
      (error) => isCoatcheckError(error, 'OUTBOUND_REFUSED'),
      name,
    )
  assert.equal(asked.length, 5)
  assert.deepEqual(hosts, [`rebind.example.com:${port}`])
  assert.equal(sink.connections(), 0)
})

test('a redirect is not followed', async (t) => {
  const sink = await startSink(t)
  for (const status of [301, 302, 303, 307, 308]) {
    const port = await startReceiver(
      t,
      createHttpServer((_, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${sink.port}/` }).end()
      }),
    )
    const guard = createOutboundGuard({ allow: allowing(`127.0.0.1:${port}`) })
    assert.equal((await post(guard, `http://127.0.0.1:${port}/`)).status, status)
  }
  assert.equal(sink.connections(), 0)
})

test('who is on the allow list is called', async (t) => {
  const hosts: (string | undefined)[] = []
  const server = createHttpServer((request, response) => {
    hosts.push(request.headers.host)
    response.end('fine')
  })
  const port = await startReceiver(t, server)
  const resolve: Resolve = async () => ['127.0.0.1']
  const allowed: [string, string][] = [
    ['127.0.0.1', `http://127.0.0.1:${port}/`],
    [`127.0.0.1:${port}`, `http://127.0.0.1:${port}/`],
    [`0x7f.1:${port}`, `http://127.0.0.1:${port}/`],
    ['localhost', `http://localhost:${port}/`],
    ['ERP.internal', `http://erp.internal:${port}/`],
    [`erp.internal:${port}`, `http://erp.internal:${port}/`],
    ['127.0.0.0/8', `http://127.0.0.1:${port}/`],
    ['127.0.0.0/30', `http://127.0.0.1:${port}/`],
  ]
  for (const [entry, url] of allowed)
    assert.equal(
      (await post(createOutboundGuard({ resolve, allow: allowing(entry) }), url)).status,
      200,
      entry,
    )
  assert.deepEqual([...new Set(hosts)], [`127.0.0.1:${port}`, `localhost:${port}`, `erp.internal:${port}`])
})

test('and nobody else', async () => {
  const refusals: [string, string, Resolve?][] = [
    ['127.0.0.1:8080', 'http://127.0.0.1:8081/'],
    ['127.0.0.1', 'http://127.0.0.2/'],
    ['localhost:8080', 'http://localhost/'],
    ['erp.internal', 'http://crm.internal/'],
    ['erp.internal', 'http://x.erp.internal/'],
    ['10.0.0.0/8', 'http://192.168.0.1/'],
    ['10.1.0.0/16', 'http://10.2.0.1/'],
    ['fd00::/8', 'http://[fc00::1]/'],
    // metadata is opened by nothing but its own address
    ['fd00::/8', 'http://[fd00:ec2::254]/'],
    ['100.64.0.0/10', 'http://100.100.100.200/'],
    ['erp.internal', 'http://erp.internal/', async () => ['169.254.169.254']],
    ['erp.internal', 'http://erp.internal/', async () => ['10.0.0.1', '::ffff:10.0.0.1']],
    ['erp.internal', 'http://user@erp.internal/', async () => ['10.0.0.1']],
    ['erp.internal', 'ftp://erp.internal/', async () => ['10.0.0.1']],
    ['erp.internal', 'http://erp.internal./', async () => ['10.0.0.1']],
  ]
  for (const [entry, url, resolve = async () => ['10.9.9.9']] of refusals) {
    const guard = createOutboundGuard({ allow: allowing(entry), resolve })
    await assert.rejects(
      guard.resolve(url, never),
      (error) => isCoatcheckError(error, 'OUTBOUND_REFUSED'),
      `${entry} lets ${url} through`,
    )
  }
  // a port that is not among the usual ones belongs to the network that was named
  const net = createOutboundGuard({ allow: allowing('10.1.0.0/16') })
  assert.equal(net.check('http://10.1.2.3:8080/').port, '8080')
})

test('allow lists that cannot be read are told', () => {
  const wrong = [
    '',
    'http://erp.internal',
    'erp.internal/path',
    '*.internal',
    'erp internal',
    'erp:99999',
    'erp:0',
    'user@erp',
    '0.0.0.0/0',
    '10.0.0.0/7',
    '10.0.0.0/33',
    '8.8.8.0/24',
    '169.254.0.0/16',
    '::/0',
    '::/128',
    'fe80::/10',
    'fc00::/6',
    'fc00::/129',
    '10.0.0.0/8/8',
    7,
    null,
  ]
  const problems: string[] = []
  readAllowList(wrong, (problem) => problems.push(problem))
  assert.equal(problems.length, wrong.length, problems.join('\n'))
  assert.match(problems[1] ?? '', /allowHosts has "http:\/\/erp\.internal"; write a host/)
})

test('addresses at the edges of the ranges', () => {
  const known: [string, string][] = [
    ['9.255.255.255', 'public'],
    ['10.0.0.0', 'private'],
    ['11.0.0.0', 'public'],
    ['100.63.255.255', 'public'],
    ['100.64.0.0', 'private'],
    ['100.127.255.255', 'private'],
    ['100.128.0.0', 'public'],
    ['126.255.255.255', 'public'],
    ['128.0.0.0', 'public'],
    ['169.253.255.255', 'public'],
    ['169.254.0.0', 'never'],
    ['172.15.255.255', 'public'],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'public'],
    ['192.167.255.255', 'public'],
    ['192.169.0.0', 'public'],
    ['198.17.255.255', 'public'],
    ['198.20.0.0', 'public'],
    ['223.255.255.255', 'public'],
    ['224.0.0.0', 'never'],
    ['fbff::1', 'never'],
    ['fc00::', 'private'],
    ['fe00::', 'never'],
    ['2000::1', 'public'],
    ['3ffe::1', 'public'],
    ['4000::', 'never'],
    ['2001:1ff:ffff::', 'never'],
    ['2001:200::', 'public'],
    ['2606:4700:0:0:0:5efe:808:808', 'never'],
    ['2606:4700::5eff:808:808', 'public'],
    ['1.2.3', 'never'],
    ['', 'never'],
  ]
  for (const [address, expected] of known) assert.equal(classifyAddress(address), expected, address)
})

test('the names of administrators are looked up as the system does, all others by name servers', async (t) => {
  const port = await startReceiver(
    t,
    createHttpServer((_, response) => response.end()),
  )
  const guard = createOutboundGuard({ allow: allowing('localhost') })
  assert.equal((await post(guard, `http://localhost:${port}/`)).status, 200)
  const { resolve } = await startNameServer(t, { 'two.example.com': [['192.0.2.1', '192.0.2.2']] })
  assert.deepEqual(await resolve('two.example.com'), ['192.0.2.1', '192.0.2.2'])
  await assert.rejects(resolve('nobody.example.com'), { code: 'ENODATA' })
  // the hosts file is not asked
  await assert.rejects(askNameServers('ip6-localhost', ['127.0.0.1:1']))
})

test('what hangs is given up', async (t) => {
  const guard = createOutboundGuard({ resolve: () => new Promise(() => {}) })
  await assert.rejects(post(guard, 'https://example.com/', 100), { code: 'TIMEOUT' })
  const stop = new AbortController()
  const asked = postOutside(guard, {
    url: 'https://example.com/',
    headers: {},
    body: '',
    timeoutMs: 60_000,
    signal: stop.signal,
  })
  stop.abort(new Error('enough'))
  await assert.rejects(asked, /enough/)
  const port = await startReceiver(t, createHttpServer())
  const open = createOutboundGuard({ allow: allowing('127.0.0.1') })
  await assert.rejects(post(open, `http://127.0.0.1:${port}/`, 200), { code: 'TIMEOUT' })
})
