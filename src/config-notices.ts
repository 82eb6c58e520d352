/** The part of a pipeline file that says who is told of findings at once (design 9: people hear of it). */
import { z } from 'zod'
import { duration, path, SECRET_ABOUT, secret, url } from './config-words.ts'
import { SEVERITY_NAMES, type Severity } from './finding-document.ts'
import { parsed, section } from './schema-problems.ts'

const SEVERITIES: ReadonlyMap<string, Severity> = new Map([
  [SEVERITY_NAMES[1], 1],
  [SEVERITY_NAMES[2], 2],
  [SEVERITY_NAMES[3], 3],
  [SEVERITY_NAMES[4], 4],
])

export const severity = parsed(`expected ${[...SEVERITIES.keys()].join(', ')}`, (text) => SEVERITIES.get(text) ?? null)

const PLACE_EXPECTED = 'expected udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT'
const HEADER_EXPECTED = 'expected the name of an HTTP header'

const facility = z.enum(
  [
    'user',
    'daemon',
    'auth',
    'authpriv',
    'audit',
    'local0',
    'local1',
    'local2',
    'local3',
    'local4',
    'local5',
    'local6',
    'local7',
  ],
  { error: 'expected a syslog facility such as auth or local0' },
)

export type SyslogAddress = { readonly transport: 'udp' | 'tcp' | 'tls'; readonly host: string; readonly port: number }

export const noticeSections = {
  webhook: section({
    url: url.describe('each finding is one POST of JSON; redirects are not followed'),
    severity: severity.optional().describe('findings at or above it: low, medium, high or critical; without it medium'),
    secret: secret
      .optional()
      .describe(`${SECRET_ABOUT}; signs each request as the Standard Webhooks specification has it`),
    headers: z
      .record(
        parsed(HEADER_EXPECTED, (text) => (/^[A-Za-z0-9-]{1,100}$/.test(text) ? text : null)),
        secret,
      )
      .optional()
      .describe('further headers, such as Authorization; each value is a reference'),
    template: path
      .optional()
      .describe(
        'a JSON file: {{FIELD}} in a text becomes that field, "{{document}}" the whole finding; without it the finding as stored',
      ),
    timeout: duration.optional().describe('of one request; without it 10s'),
    ca_file: path.optional().describe("certificate of the authority that signed the receiver's, PEM"),
  })
    .optional()
    .describe('findings to an HTTP endpoint: a chat, a ticket system'),
  syslog: section({
    to: parsed(PLACE_EXPECTED, parseSyslogAddress).describe('udp, tcp (octets counted) or tls'),
    severity: severity.optional().describe('findings at or above it; without it medium'),
    facility: facility.optional().describe('auth when left out'),
    format: z
      .enum(['text', 'json'], { error: 'expected text or json' })
      .optional()
      .describe('`text`: one sentence and a few facts; `json`: the whole document; text when left out'),
    timeout: duration.optional().describe('of one message; without it 10s'),
    ca_file: path.optional().describe("certificate of the authority that signed the receiver's, PEM"),
  })
    .optional()
    .describe('findings to a syslog receiver (RFC 5424)'),
}

function parseSyslogAddress(text: string): SyslogAddress | null {
  const match = /^(udp|tcp|tls):\/\/(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9](?:[a-z0-9._-]{0,252}))):(\d{1,5})$/i.exec(text)
  const [, transport, bracketed, plain, digits] = match ?? []
  const port = Number(digits)
  if (port === 0 || port > 65_535) return null
  const host = bracketed ?? plain
  if (host === undefined) return null
  if (transport === 'udp' || transport === 'tcp' || transport === 'tls') return { transport, host, port }
  return null
}
