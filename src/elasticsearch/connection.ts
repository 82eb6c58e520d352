/**
 * The way to a cluster: address, credentials, trust. Everything goes out as plain `application/json`, which every Elasticsearch from
 * 8 on and OpenSearch accept; the client's own media types are refused by both of the others (elastic.md 2.5). What answers is
 * asked in server.ts.
 */
import { readFileSync } from 'node:fs'
import { Client, SniffingTransport } from '@elastic/elasticsearch'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { certificatesIn, pinnedAmong, pinnedConnector } from './pinned-authority.ts'

export type Connection = {
  /** Without user and password. */
  readonly url: string
  readonly auth: Auth
  /** PEM file of the authority that signed the server's certificate, '' = those Node trusts. */
  readonly caFile: string
  /**
   * SHA-256 of the authority's certificate, or of the server's own; hex with or without colons, '' = none. Without `caFile` the server
   * has to show that certificate; with it, it has to be in that file.
   */
  readonly fingerprint: string
}

/** Secrets as text: never printed, logged or put into an error. */
export type Auth =
  | { readonly kind: 'none' }
  | { readonly kind: 'api-key'; readonly apiKey: string }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }

export type ConnectOptions = {
  /** Milliseconds of one request. */
  readonly timeoutMs?: number
  /** Bodies of requests are compressed. */
  readonly isCompressed?: boolean
}

const TIMEOUT_MS = 60_000
/** To one server; more than are ever under way at once. */
const CONNECTIONS_MAX = 64

type TransportOptions = ConstructorParameters<typeof SniffingTransport>[0]

/** Without the media types and the product header that only Elasticsearch of the client's own major version knows. */
class PlainTransport extends SniffingTransport {
  constructor({ productCheck: _product, vendoredHeaders: _types, ...options }: TransportOptions) {
    super(options)
  }
}

/**
 * Opens no connection yet; close the client at the end. It never retries by itself: who asks knows what may be asked twice. Throws
 * AppError `cannot-read` for the CA file, also when it does not hold what `fingerprint` names.
 */
export function connect(
  connection: Connection,
  { timeoutMs = TIMEOUT_MS, isCompressed = false }: ConnectOptions = {},
): Client {
  const { url, auth, caFile, fingerprint } = connection
  const isTls = url.startsWith('https:')
  return new Client({
    node: url,
    ...(auth.kind === 'none' ? {} : { auth: authOf(auth) }),
    ...(isTls ? trustOf(caFile, fingerprint) : {}),
    Transport: PlainTransport,
    maxRetries: 0,
    requestTimeout: timeoutMs,
    compression: isCompressed,
    // What the client calls home about itself.
    enableMetaHeader: false,
    redaction: { type: 'remove' },
  })
}

function authOf(auth: Exclude<Auth, { kind: 'none' }>) {
  return auth.kind === 'api-key' ? { apiKey: auth.apiKey } : { username: auth.username, password: auth.password }
}

/** The client hands `agent` on to undici, `connect` included; its own `caFingerprint` proves nothing (pinned-authority.ts). */
function trustOf(caFile: string, fingerprint: string) {
  if (caFile === '') {
    if (fingerprint === '') return {}
    const agent = { connections: CONNECTIONS_MAX, connect: pinnedConnector(fingerprint) }
    return { agent }
  }
  const ca = readCertificate(caFile)
  if (fingerprint === '') return { tls: { ca } }
  const pinned = pinnedAmong(ca, fingerprint)
  if (pinned.length > 0) return { tls: { ca: [...pinned] } }
  throw new AppError('cannot-read', `${safeText(caFile)} holds no certificate with the fingerprint given`, {
    advice: 'Leave one of the two out, or compare with `openssl x509 -noout -fingerprint -sha256 -in FILE`.',
  })
}

function readCertificate(path: string): string {
  const advice = 'ca_file is the PEM certificate of the authority that signed the server’s, readable by this user.'
  let pem: string
  try {
    pem = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new AppError('cannot-read', `cannot read the certificate ${safeText(path)}`, { cause, advice })
  }
  // Node takes a file without one for no authority at all: every server would be strange to it, and nobody would know why.
  if (certificateCount(pem) > 0) return pem
  throw new AppError('cannot-read', `${safeText(path)} holds no PEM certificate, or one that is broken`, { advice })
}

/** 0 also where one is broken. */
function certificateCount(pem: string): number {
  try {
    return certificatesIn(pem).length
  } catch {
    return 0
  }
}
