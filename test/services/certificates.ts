/** An authority and certificates signed by it, made with openssl for one run: node:crypto reads certificates and cannot sign them. */
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of PEM files. */
export type Authority = { readonly certificate: string; readonly key: string }

export type ServerCertificate = {
  readonly certificate: string
  /** The same, with its authority's behind it, as servers are told to send them. */
  readonly chain: string
  readonly key: string
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const DAYS = ['-days', '2']

/** `name`: of its files. Everything made here has the same subject, so that two authorities differ in their keys only. */
export function makeAuthority(dir: string, name: string): Authority {
  const at = (end: string) => join(dir, `${name}.${end}`)
  const uses = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']
  openssl(
    ['req', '-x509', ...CURVE, ...DAYS, '-subj', '/CN=test authority', '-keyout', at('key'), '-out', at('pem')],
    uses,
  )
  return { certificate: at('pem'), key: at('key') }
}

/** For `localhost` and 127.0.0.1. `shown`: the authority whose certificate is sent along, by default the one that signed. */
export function makeServerCertificate(
  dir: string,
  name: string,
  signer: Authority,
  shown: Authority = signer,
): ServerCertificate {
  const at = (end: string) => join(dir, `${name}.${end}`)
  openssl(['req', ...CURVE, '-subj', '/CN=localhost', '-keyout', at('key'), '-out', at('csr')])
  // Without a key identifier an authority is found by its name alone.
  writeFileSync(
    at('ext'),
    'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=none\n',
  )
  const by = ['-CA', signer.certificate, '-CAkey', signer.key, '-CAcreateserial']
  openssl(['x509', '-req', '-in', at('csr'), ...by, ...DAYS, '-extfile', at('ext'), '-out', at('pem')])
  writeFileSync(at('chain'), readFileSync(at('pem'), 'utf8') + readFileSync(shown.certificate, 'utf8'))
  return { certificate: at('pem'), chain: at('chain'), key: at('key') }
}

/** SHA-256, upper-case hex with colons, as openssl prints it. */
export function fingerprintOf(path: string): string {
  return new X509Certificate(readFileSync(path)).fingerprint256
}

function openssl(...words: readonly (readonly string[])[]): void {
  const end = spawnSync('openssl', words.flat(), { encoding: 'utf8', timeout: 20_000 })
  if (end.status !== 0) throw new Error(`openssl: ${end.error?.message ?? end.stderr}`)
}
