/** What a pipeline file says of brokers becomes a connection, with its secrets and certificates; errors name what is wrong and no secret. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parsePipeline } from '../../src/config.ts'
import { AppError } from '../../src/errors.ts'
import { configuredBus, secretsOf } from '../../src/kafka/configured.ts'
import { caught } from '../caught.ts'

const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
const KEY = '-----BEGIN PRIVATE KEY-----\nthe-key\n-----END PRIVATE KEY-----\n'
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'peertrail-kafka-'))
  mkdirSync(join(dir, 'tls'))
  writeFileSync(join(dir, 'tls/ca.pem'), CERTIFICATE)
  writeFileSync(join(dir, 'tls/own.pem'), CERTIFICATE)
  writeFileSync(join(dir, 'tls/own.key'), KEY)
})
afterEach(() => {
  rmSync(dir, { recursive: true })
})

function connection(text: string, environment = {}) {
  const { kafka } = parsePipeline(`kafka: { brokers: [a:1, b:2], ${text} }\n`, 'pipeline.yaml')
  if (kafka === null) throw new Error('no kafka section')
  return configuredBus(kafka, dir, environment)
}

test('plain', () => {
  expect(connection('compression: gzip')).toEqual({
    brokers: ['a:1', 'b:2'],
    clientId: 'peertrail',
    tls: null,
    sasl: null,
    compression: 'gzip',
  })
})

test('TLS with the authorities of Node', () => {
  expect(connection('tls: {}').tls).toEqual({ ca: '', cert: '', key: '' })
})

test('TLS with files beside the pipeline file, and a login; key and password are secrets', () => {
  const files = 'tls: { ca_file: tls/ca.pem, cert_file: tls/own.pem, key_file: tls/own.key }'
  const login = `sasl: { mechanism: scram-sha-256, username: u, password: "\${env:SECRET}" }`
  const all = connection(`${files}, ${login}`, { SECRET: 'the-password' })
  expect(all.tls).toEqual({ ca: CERTIFICATE, cert: CERTIFICATE, key: KEY })
  expect(all.sasl).toEqual({ mechanism: 'scram-sha-256', username: 'u', password: 'the-password' })
  expect(secretsOf(all)).toEqual([KEY, 'the-password'])
  expect(secretsOf(connection(''))).toEqual([])
})

test.each([
  ['a file that is not there', 'ca_file: tls/absent.pem', /^cannot read .*absent\.pem$/],
  ['a key where the authority is expected', 'ca_file: tls/own.key', /own\.key holds no certificate in PEM$/],
  ['a certificate where the key is expected', 'cert_file: tls/own.pem, key_file: tls/ca.pem', /holds no private key/],
])('%s is told', (_, files, message) => {
  const error = caught(() => connection(`tls: { ${files} }`))
  expect(error).toBeInstanceOf(AppError)
  expect(error).toMatchObject({ code: 'cannot-read', message: expect.stringMatching(message) })
  expect(JSON.stringify(error) + String(error)).not.toContain('the-key')
})

test('patience that would wait for nobody is refused', () => {
  const parse = (patience: string) =>
    parsePipeline(`kafka: { brokers: [a:1], patience: ${patience} }\n`, 'pipeline.yaml')
  expect(parse('5s').kafka?.patience).toBe(5_000_000)
  expect(JSON.stringify(caught(() => parse('4s')))).toContain('at least 5s')
  expect(JSON.stringify(caught(() => parse('1ms')))).toContain('at least 5s')
})
