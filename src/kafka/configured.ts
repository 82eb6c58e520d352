/** The way to the brokers that a pipeline file describes, with its secrets. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { KafkaConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { resolveSecret } from '../secrets.ts'
import type { BusConnection, BusTls } from './bus.ts'

/** Bytes of a PEM file: a bundle of every public authority has a quarter of it. */
const PEM_MAX = 1024 * 1024
/** What brokers call us in their own logs and quotas. */
const CLIENT_ID = 'peertrail'

/** `base`: directory of the pipeline file. Throws AppError `bad-secret`, `cannot-read`. */
export function configuredBus(
  { brokers, tls, sasl, compression }: KafkaConfig,
  base: string,
  environment: { readonly [name: string]: string | undefined },
): BusConnection {
  return {
    brokers,
    clientId: CLIENT_ID,
    tls: tls === null ? null : configuredTls(tls, base),
    sasl:
      sasl === null
        ? null
        : {
            mechanism: sasl.mechanism,
            username: sasl.username,
            password: resolveSecret(sasl.password, environment),
          },
    compression,
  }
}

/** What must appear in no log. */
export function secretsOf({ tls, sasl }: BusConnection): readonly string[] {
  return [tls?.key ?? '', sasl?.password ?? ''].filter((secret) => secret !== '')
}

function configuredTls({ caFile, certFile, keyFile }: NonNullable<KafkaConfig['tls']>, base: string): BusTls {
  const read = (path: string, holds: RegExp, what: string) =>
    path === '' ? '' : readPem(resolve(base, path), holds, what)
  return {
    ca: read(caFile, /^-----BEGIN (?:TRUSTED )?CERTIFICATE-----/m, 'certificate'),
    cert: read(certFile, /^-----BEGIN CERTIFICATE-----/m, 'certificate'),
    key: read(keyFile, /^-----BEGIN (?:\w+ )*PRIVATE KEY-----/m, 'private key'),
  }
}

/** Never repeats what is in the file: a key may be where a certificate is expected. */
function readPem(path: string, holds: RegExp, what: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new AppError('cannot-read', `cannot read ${safeText(path)}`, {
      cause,
      advice: 'Check the name (it is relative to the pipeline file) and that the file may be read by this user.',
    })
  }
  if (text.length <= PEM_MAX && holds.test(text)) return text
  throw new AppError('cannot-read', `${safeText(path)} holds no ${what} in PEM`, {
    advice: `A PEM file has a line "-----BEGIN ${what.toUpperCase()}-----"; convert others with openssl.`,
  })
}
