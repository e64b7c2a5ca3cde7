import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { certificate, key } from './test-certificate.ts'

const program = fileURLToPath(import.meta.resolve('./post-process.ts'))

test('over TLS the certificate is checked against the name, though the connection goes to its address', async (t) => {
  const names: (string | false | undefined)[] = []
  const server = createServer({ key, cert: certificate }, (request, response) => {
    names.push((request.socket as { servername?: string | false }).servername)
    response.writeHead(204).end()
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-tls-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const trusted = join(directory, 'certificate.pem')
  writeFileSync(trusted, certificate)
  const urls = ['receiver.example.com', '127.0.0.1', 'other.example.com'].map(
    (host) => `https://${host}:${port}/`,
  )
  const post = async (env: Record<string, string>) => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...urls], {
      env: { ...process.env, ...env },
    })
    return stdout.trim().split('\n')
  }
  assert.deepEqual(await post({ NODE_EXTRA_CA_CERTS: trusted }), [
    '204',
    '204',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ])
  assert.deepEqual(names, ['receiver.example.com', false])
  const untrusted = 'DEPTH_ZERO_SELF_SIGNED_CERT'
  assert.deepEqual(await post({ NODE_EXTRA_CA_CERTS: '' }), [untrusted, untrusted, untrusted])
  assert.equal(names.length, 2)
})
