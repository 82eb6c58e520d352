/** Which servers are believed: real handshakes with certificates made for the test. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/elasticsearch/connection.ts'
import { askServer } from '../../src/elasticsearch/server.ts'
import { AppError } from '../../src/errors.ts'
import { caught } from '../caught.ts'
import {
  fingerprintOf,
  makeAuthority,
  makeServerCertificate,
  type ServerCertificate,
} from '../services/certificates.ts'

const dir = mkdtempSync(join(tmpdir(), 'peertrail-trust-'))
const authority = makeAuthority(dir, 'ours')
const stranger = makeAuthority(dir, 'stranger')
const genuine = makeServerCertificate(dir, 'genuine', authority)
/** Signed by somebody else under the authority's name, with the authority's real certificate beside it: anybody can make it. */
const forged = makeServerCertificate(dir, 'forged', stranger, authority)
const ours = fingerprintOf(authority.certificate)

type Believed = { readonly caFile?: string; readonly fingerprint?: string }
type Server = { readonly url: string; readonly seen: string[]; close(): Promise<void> }

const servers: { alone?: Server; whole?: Server; forged?: Server } = {}

beforeAll(async () => {
  servers.alone = await serve(genuine.certificate, genuine)
  servers.whole = await serve(genuine.chain, genuine)
  servers.forged = await serve(forged.chain, forged)
})

afterAll(async () => {
  for (const each of Object.values(servers)) await each.close()
  rmSync(dir, { recursive: true, force: true })
})

describe('a server that shows its authority’s certificate too', () => {
  const asked = (believed: Believed) => ask(servers.whole, believed)

  test('is believed when the authority is known, by file, fingerprint or both', async () => {
    expect(await asked({ caFile: authority.certificate })).toBe('ok')
    expect(await asked({ fingerprint: ours })).toBe('ok')
    expect(await asked({ fingerprint: ours.replaceAll(':', '').toLowerCase() })).toBe('ok')
    expect(await asked({ caFile: authority.certificate, fingerprint: ours })).toBe('ok')
    expect(await asked({ fingerprint: fingerprintOf(genuine.certificate) })).toBe('ok')
  })

  test('is not believed otherwise, and is told nothing', async () => {
    const before = servers.whole?.seen.length
    expect(await asked({})).toMatch(/self-signed certificate in certificate chain.*--ca-file/s)
    expect(await asked({ caFile: stranger.certificate })).toMatch(/cannot be reached: .*certificate/)
    expect(await asked({ fingerprint: fingerprintOf(stranger.certificate) })).toMatch(
      /no certificate with this fingerprint/,
    )
    expect(servers.whole?.seen.length).toBe(before)
  })
})

test('a server that shows its own certificate alone needs the file, or its own fingerprint', async () => {
  expect(await ask(servers.alone, { caFile: authority.certificate })).toBe('ok')
  expect(await ask(servers.alone, { caFile: authority.certificate, fingerprint: ours })).toBe('ok')
  expect(await ask(servers.alone, { fingerprint: fingerprintOf(genuine.certificate) })).toBe('ok')
  expect(await ask(servers.alone, { fingerprint: ours })).toMatch(/no certificate with this fingerprint/)
})

test('showing a certificate is no proof of having been signed with it', async () => {
  expect(await ask(servers.forged, { fingerprint: ours })).toMatch(/certificate signature failure/)
  expect(await ask(servers.forged, { caFile: authority.certificate, fingerprint: ours })).toMatch(
    /certificate signature failure/,
  )
  expect(servers.forged?.seen).toEqual([])
})

test('a certificate for another name is no proof either', async () => {
  const { url = '' } = servers.whole ?? {}
  const elsewhere = url.replace('127.0.0.1', '127.0.0.2')
  // Listens on every loopback address; the certificate names one.
  expect(await ask({ url: elsewhere, seen: [], close: async () => {} }, { fingerprint: ours })).toMatch(
    /does not match certificate/,
  )
})

test('a file without the certificate that the fingerprint names is refused before anything is asked', () => {
  const bundle = join(dir, 'bundle.pem')
  writeFileSync(bundle, readFileSync(stranger.certificate, 'utf8') + readFileSync(genuine.certificate, 'utf8'))
  const open = () => connect({ url: 'https://127.0.0.1:1', auth: { kind: 'none' }, caFile: bundle, fingerprint: ours })
  expect(open).toThrow(/holds no certificate with the fingerprint/)
})

test('a file that holds no certificate, or a broken one, is named before anything is asked', () => {
  const file = join(dir, 'broken.pem')
  for (const text of [
    '',
    readFileSync(genuine.key, 'utf8'),
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  ])
    for (const fingerprint of ['', ours]) {
      writeFileSync(file, text)
      const open = () => connect({ url: 'https://127.0.0.1:1', auth: { kind: 'none' }, caFile: file, fingerprint })
      expect(caught(open)).toMatchObject({ code: 'cannot-read' })
      expect(open).toThrow(/broken\.pem holds no PEM certificate, or one that is broken/)
    }
})

async function ask(server: Server | undefined, { caFile = '', fingerprint = '' }: Believed): Promise<string> {
  const url = server?.url ?? ''
  const auth = { kind: 'basic', username: 'elastic', password: 'never shown' } as const
  const client = connect({ url, auth, caFile, fingerprint })
  try {
    await askServer(client, url)
    return 'ok'
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return `${error.message} ${error.advice}`
  } finally {
    await client.close()
  }
}

async function serve(certificate: string, { key }: ServerCertificate): Promise<Server> {
  const seen: string[] = []
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, answer) => {
    seen.push(request.headers.authorization ?? '')
    answer.setHeader('content-type', 'application/json')
    answer.end(JSON.stringify({ cluster_name: 'test', cluster_uuid: 'test', version: { number: '9.5.3' } }))
  })
  // Ends of handshakes that were refused are expected.
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => void server.listen(0, resolve))
  // `address()` is this shape for every server that listens on a port.
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: `https://127.0.0.1:${port}`, seen, close }
}
