/** What people read when a cluster cannot be asked, from real connections that fail. */
import { createServer, type Server } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Connection, connect } from '../../src/elasticsearch/connection.ts'
import { askServer } from '../../src/elasticsearch/server.ts'
import type { AppError } from '../../src/errors.ts'

const SECRET = 'c2VjcmV0LWtleQ'
let server: Server
let status = 200
let body = '{}'
let headers: { readonly [name: string]: string } = {}
beforeEach(async () => {
  server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(body)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => void server.close())

async function problem(scheme: 'http' | 'https' = 'http'): Promise<AppError> {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 1
  const url = `${scheme}://127.0.0.1:${port}`
  const connection: Connection = { url, auth: { kind: 'api-key', apiKey: SECRET }, caFile: '', fingerprint: '' }
  const client = connect(connection, { timeoutMs: 5_000 })
  try {
    await askServer(client, url)
  } catch (error) {
    const { message, advice, cause } = error as AppError
    expect(`${message} ${advice} ${String(cause)}`).not.toContain(SECRET)
    return error as AppError
  } finally {
    await client.close()
  }
  throw new Error('it was answered')
}

test('a server without TLS, and none at all', async () => {
  expect(await problem('https')).toMatchObject({ code: 'no-server' })
  expect((await problem('https')).message).toMatch(/cannot be reached: it does not speak TLS$/)
  await new Promise((resolve) => server.close(resolve))
  expect((await problem()).message).toMatch(/cannot be reached: /)
})

test('refused, in one line whatever the server says', async () => {
  status = 401
  body = JSON.stringify({ error: { type: 'security_exception', reason: 'unable\n\tto authenticate' }, status: 401 })
  expect(await problem()).toMatchObject({ code: 'refused' })
  expect((await problem()).message).toMatch(/\(401: security_exception: unable to authenticate\)$/)
})

test('something else than a cluster, and one that is too old', async () => {
  status = 200
  body = '{"hello":"world"}'
  expect(await problem()).toMatchObject({ code: 'wrong-server' })
  body = JSON.stringify({ cluster_name: 'c', cluster_uuid: 'u', version: { number: '7.17.9' } })
  const old = await problem()
  expect(old).toMatchObject({ code: 'wrong-server' })
  expect(old.message).toMatch(/is elasticsearch 7\.17\.9$/)
})

test('an answer that is no JSON, one that is not packed as it says, and one without end', async () => {
  status = 200
  body = '{'
  expect(await problem()).toMatchObject({ code: 'wrong-server' })
  headers = { 'content-encoding': 'gzip' }
  const unpacked = await problem()
  expect(unpacked).toMatchObject({ code: 'wrong-server' })
  expect(unpacked.message).toMatch(/gave an answer that is no JSON$/)
  headers = {}
  body = ' '.repeat(2 * 1024 * 1024)
  const long = await problem()
  expect(long).toMatchObject({ code: 'no-server' })
  expect(long.message).toMatch(/was broken off: The content length \(\d+\) is bigger than the maximum/)
})
