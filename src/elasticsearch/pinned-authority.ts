/**
 * TLS to a server whose authority is known by nothing but its fingerprint. The client's own way (`caFingerprint` with verification
 * switched off) only looks whether that certificate, which anybody can have, is among those shown: it is no proof that the authority
 * signed anything. Here the certificate is fetched first, over a connection that carries no request, and then everything is verified
 * against it: signatures, dates and the server's name.
 */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { type ConnectionOptions, connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'

/** Where the client wants to connect to, as undici says it. */
export type ConnectTarget = { readonly hostname: string; readonly port: string }

/** What undici calls for a new connection. */
export type Connector = (target: ConnectTarget, done: (error: Error | null, socket: TLSSocket | null) => void) => void

/** Milliseconds from the first packet to the end of the handshake. */
const CONNECT_MS = 10_000
/** Certificates a server may show; real chains have two to four. */
const CHAIN_MAX = 10
const HTTPS_PORT = 443

/**
 * Connections to servers that the certificate with this SHA-256 (hex, colons or not, either case) vouches for: an authority's, which
 * the server has to show with its own, or the server's own.
 */
export function pinnedConnector(fingerprint: string): Connector {
  const wanted = plainHex(fingerprint)
  // Held for the life of the client: the fingerprint says which it is, so it does not change.
  const known: string[] = []
  return (target, done) => {
    void anchorOf(target, wanted, known)
      .then((ca) => {
        // What vouches may be the server's own certificate, which no authority of its own stands behind.
        const options = { ca, allowPartialTrustChain: true, ALPNProtocols: ['http/1.1'] }
        return open(target, options)
      })
      .then(
        (socket) => done(null, socket),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), null),
      )
  }
}

/** Those of a PEM file that have the fingerprint. Throws Error for a certificate that is none. */
export function pinnedAmong(pem: string, fingerprint: string): readonly string[] {
  return certificatesIn(pem).filter(
    (block) => plainHex(new X509Certificate(block).fingerprint256) === plainHex(fingerprint),
  )
}

/** The certificates of a PEM file, as they stand there. Throws Error for one that is none. */
export function certificatesIn(pem: string): readonly string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  for (const block of blocks) new X509Certificate(block)
  return blocks
}

/** PEM of the certificate shown that has the fingerprint. */
async function anchorOf(target: ConnectTarget, wanted: string, known: string[]): Promise<string> {
  if (known[0] !== undefined) return known[0]
  // Nothing is sent and nothing believed: what comes is only compared with the fingerprint.
  const socket = await open(target, { rejectUnauthorized: false })
  const found = chainOf(socket).find(({ fingerprint256 }) => plainHex(fingerprint256) === wanted)
  socket.destroy()
  if (found === undefined) throw new Error('the server shows no certificate with this fingerprint')
  const pem = new X509Certificate(found.raw).toString()
  known[0] = pem
  return pem
}

function chainOf(socket: TLSSocket): readonly DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = []
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  // One that signed itself names itself as its issuer.
  while (next?.raw !== undefined && !chain.includes(next) && chain.length < CHAIN_MAX) {
    chain.push(next)
    next = next.issuerCertificate
  }
  return chain
}

function open({ hostname, port }: ConnectTarget, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((done, failed) => {
    const socket = connect({
      ...options,
      host: hostname,
      port: port === '' ? HTTPS_PORT : Number(port),
      // Addresses have no place in this part of the handshake.
      servername: isIP(hostname) === 0 ? hostname : '',
      timeout: CONNECT_MS,
    })
    const late = () => void socket.destroy(new Error('no end of the TLS handshake in time'))
    socket.once('timeout', late)
    // Stays: an error between here and the client's own listeners would end the process.
    socket.on('error', failed)
    socket.setNoDelay(true)
    socket.once('secureConnect', () => {
      // From here on the client watches over its requests itself.
      socket.off('timeout', late)
      done(socket)
    })
  })
}

function plainHex(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase()
}
