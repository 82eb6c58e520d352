/** A new key for a gateway, with where it goes. Printed once, to standard output alone: nobody can ask for it again. */
import type { GatewayKey } from '../elasticsearch/install/gateway-key.ts'
import { safeText } from '../safe-text.ts'
import type { InstallPlace } from './install-place.ts'
import { paint, type Terminal } from './terminal.ts'

const VARIABLE = 'PEERTRAIL_ELASTICSEARCH_API_KEY'

/** Lines of a pipeline file that name the cluster and the key's place. */
export function pipelineLines({ connection, metrics, namespace }: InstallPlace): readonly string[] {
  const { url, caFile, fingerprint } = connection
  return [
    'sinks:',
    '  elasticsearch:',
    // JSON texts are YAML texts.
    `    url: ${JSON.stringify(url)}`,
    `    api_key: \${env:${VARIABLE}}`,
    ...(caFile === '' ? [] : [`    ca_file: ${JSON.stringify(caFile)}`]),
    ...(fingerprint === '' ? [] : [`    fingerprint: ${JSON.stringify(fingerprint)}`]),
    ...(namespace === 'default' ? [] : [`    namespace: ${namespace}`]),
    ...(metrics === 'standard' ? ['    metrics: standard'] : []),
  ]
}

/** For people, and for copying. */
export function sayKey(terminal: Terminal, key: GatewayKey, place: InstallPlace): void {
  const dim = (text: string) => paint(terminal, 'dim', text)
  const lines = [
    '',
    paint(terminal, 'bold', `API key ${safeText(key.name)}, id ${safeText(key.id)}`),
    dim('It may add documents to our streams and do nothing else. It is shown this once.'),
    '',
    dim('Environment of the daemon (/etc/peertrail/environment for the shipped unit, readable by root alone):'),
    '',
    `  ${VARIABLE}=${safeText(key.encoded)}`,
    '',
    ...(isOpen(place)
      ? [paint(terminal, 'yellow', 'The address is plain http: on the way there everybody reads the key.'), '']
      : []),
    dim('Its pipeline:'),
    '',
    ...pipelineLines(place).map((line) => `  ${safeText(line)}`),
  ]
  terminal.out(lines.map((line) => `${line}\n`).join(''))
}

/** Without TLS, and not on this machine. */
function isOpen({ connection }: InstallPlace): boolean {
  const { protocol, hostname } = new URL(connection.url)
  return protocol === 'http:' && !/^(?:localhost|127\..*|\[::1\])$/.test(hostname)
}
