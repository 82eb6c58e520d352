/**
 * The shape of a pipeline file (design 8.3). Secrets stand in it only as references, `${env:NAME}` or `${file:PATH}`; they stay
 * references here. Durations are microseconds and sizes bytes from here on.
 */
import { z } from 'zod'
import { noticeSections, severity } from './config-notices.ts'
import { duration, path, SECRET_ABOUT, secret, size, url } from './config-words.ts'
import { interfaceName, machineName } from './machine-names.ts'
import { nearest } from './nearest.ts'
import { INSTANT_EXPECTED, parseDuration, parseInstant } from './quantities.ts'
import { matching, parsed, section, words } from './schema-problems.ts'
import { SECOND } from './time.ts'

/** What to say of a namespace that is none. */
export const NAMESPACE_EXPECTED = 'expected lower case letters, digits, _ or ., such as default or prod'
/** A namespace: what a data stream's name takes, without the hyphen that ends each part of it. */
export const NAMESPACE = /^[a-z0-9][a-z0-9_.]{0,99}$/
const FINGERPRINT_EXPECTED = 'expected 32 bytes in hex, with or without colons'
const FINGERPRINT = /^(?:[0-9a-f]{2}:?){31}[0-9a-f]{2}$/i
const TIMEZONE_EXPECTED = 'expected a time zone such as Asia/Kolkata, UTC or +05:30'
const POLL_EXPECTED = 'expected a duration such as 5s, or seconds'

const PATIENCE_EXPECTED = 'expected a duration of at least 5s, such as 60s or 5m'
const timezone = z.string({ error: TIMEZONE_EXPECTED }).transform((text, context) => {
  if (isTimezone(text)) return text
  const near = nearest(text, Intl.supportedValuesOf('timeZone'))
  const message = near === null ? TIMEZONE_EXPECTED : `${TIMEZONE_EXPECTED} (perhaps ${near})`
  context.issues.push({ code: 'custom', message, input: text })
  return z.NEVER
})

const poll = z.union([duration, z.number().transform((seconds) => Math.round(seconds * SECOND))], {
  error: POLL_EXPECTED,
})

const MARK_EXPECTED = 'expected a mark: a number up to 0xffffffff'
const mark = z.union(
  [parsed(MARK_EXPECTED, (text) => (/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : null)), z.number()],
  { error: MARK_EXPECTED },
)

const hostOptions = section({
  timezone: timezone
    .optional()
    .describe('zone of stamps that have none: IANA name or fixed offset such as +05:30; without it UTC'),
  prefixes: z
    .array(
      section({
        match: parsed('expected the text of a log prefix, 1 to 127 characters', (text) =>
          /^[^\n]{1,127}$/.test(text) ? text : null,
        ).describe('the whole prefix as logged, blanks included'),
        verdict: z.enum(['accepted', 'dropped', 'rejected']).describe('what happens to the packets it stands on'),
      }),
    )
    .optional()
    .describe('what log prefixes mean; needed where no ruleset is at hand, and stronger than the ruleset'),
  interfaces: z
    .record(
      interfaceName,
      section({
        mark: mark
          .refine(isUint(0xffff_ffff), { error: MARK_EXPECTED })
          .optional()
          .describe('connection mark that your ruleset sets on connections of this interface'),
        zone: z
          .number()
          .refine(isUint(0xffff), { error: 'expected a conntrack zone, 0 to 65535' })
          .optional()
          .describe('connection tracking zone of this interface'),
      }),
    )
    .optional()
    .describe('what tells the connections of each interface apart in conntrack, which names no interface'),
  poll: poll
    .refine((period) => period >= 1000 && Number.isFinite(period), { error: POLL_EXPECTED })
    .optional()
    .describe('period of `wg show` polls, a duration or seconds; without it the median of those seen'),
  audit: z
    .enum(['sessions', 'all'])
    .optional()
    .describe(
      'which audit events become documents: `sessions` = those of logins from elsewhere and evidence of changes, `all` = every one; without it `sessions`',
    ),
  booted: parsed(INSTANT_EXPECTED, parseInstant)
    .optional()
    .describe(
      'wall clock when the uptime was 0: dates packet logs whose lines have nothing but the uptime (plain dmesg, /dev/kmsg)',
    ),
})

const FORMATS = ['syslog', 'journal', 'ulogd'] as const
const format = z
  .enum(FORMATS)
  .optional()
  .describe(
    'how the lines are written: text of a log daemon, `journalctl -o json`, or JSON of ulogd2; without it by the name of the file or program',
  )
const followed = {
  host: machineName.optional().describe('machine the records come from; without it this one'),
  path: path.optional().describe('file to follow; either this or `command`'),
  command: z
    .array(z.string(), { error: 'expected a list: the program and its arguments' })
    .min(1, { error: 'a program is missing' })
    .optional()
    .describe('program and arguments to run, without a shell'),
}
const every = duration.optional().describe('how often a command that ends is run')
const dump = section({
  every: duration.describe('how often'),
}).describe('read the whole table as well: open flows show progress, losses are found')
const source = z.discriminatedUnion('type', [
  section({ type: z.literal('nftables'), ...followed, format }),
  section({ type: z.literal('nftables-ruleset'), ...followed, every }),
  section({ type: z.literal('conntrack'), ...followed, dump: dump.optional() }),
  section({ type: z.literal('wireguard'), ...followed, every }),
  section({ type: z.literal('auditd'), ...followed, format: format.describe('as for nftables') }),
  section({ type: z.literal('hostfacts'), ...followed, every }),
])

const days = z.number().refine((count) => isUint(36_500)(count) && count > 0, { error: 'expected a number of days' })
/** What a store holds (Dataset of event.ts), the ledger that names are looked up in included. */
const STORED = /^(?:wireguard\.(?:firewall|flow|audit|session|finding|coverage|peer)|peertrail\.ledger)$/
const dataset = matching('expected a dataset such as wireguard.audit', (text) => STORED.test(text))

const sinks = section({
  store: section({
    dir: path.describe('directory of the store'),
    retention: section({
      days: days.optional().describe('whole days kept'),
      datasets: z
        .record(dataset, days)
        .optional()
        .describe('days of datasets that are kept shorter or longer: `{ wireguard.audit: 30 }`'),
      max_size: size.optional().describe('bytes kept, such as 20GiB'),
    })
      .optional()
      .describe('what is deleted, oldest segment first; the stricter limit counts'),
  })
    .optional()
    .describe('the embedded store'),
  ndjson: section({
    path: path.describe('documents are appended; nothing rotates the file but you'),
  })
    .optional()
    .describe('a file of ECS NDJSON'),
  command: section({
    run: z
      .array(z.string(), { error: 'expected a list: the program and its arguments' })
      .min(1, { error: 'a program is missing' })
      .describe(
        'runs without a shell; reads batches of NDJSON, each ended by an empty line, and answers each with a line: `ok`, or why not',
      ),
    timeout: duration
      .optional()
      .describe('without an answer for so long it is ended and started again; without it 60s'),
    severity: severity.optional().describe('only findings at or above it, without it every document'),
  })
    .optional()
    .describe('a program of yours that takes documents elsewhere'),
  ...noticeSections,
  elasticsearch: section({
    url: url.describe('without user and password'),
    namespace: parsed(NAMESPACE_EXPECTED, (text) => (NAMESPACE.test(text) ? text : null))
      .optional()
      .describe('last part of the data streams’ names, telling tenants or environments apart; `default` when left out'),
    api_key: secret.optional().describe(`${SECRET_ABOUT}; either this or user and password`),
    username: words().optional().describe('together with `password`'),
    password: secret.optional().describe(SECRET_ABOUT),
    ca_file: path.optional().describe("certificate of the authority that signed the server's, PEM"),
    fingerprint: parsed(FINGERPRINT_EXPECTED, (text) => (FINGERPRINT.test(text) ? text : null))
      .optional()
      .describe(
        "SHA-256, in hex, of the authority's certificate, which the server must show with its own, or of the server's own; with `ca_file` it must be in that file",
      ),
    metrics: z
      .enum(['time-series', 'standard', 'off'], { error: 'expected time-series, standard or off' })
      .optional()
      .describe(
        '`time-series`: a time series stream, which takes points of the last days only; `standard`: a plain one, for old captures; `off`: no counters',
      ),
    dead_letters: section({
      max_size: size.optional().describe('of the file of refused documents; 1 GiB when left out'),
    })
      .optional()
      .describe('documents that the cluster refuses for good, in the state directory'),
  })
    .optional()
    .describe('an Elasticsearch cluster'),
})

const BROKER_EXPECTED = 'expected host:port, such as kafka-1:9092'
const TOPIC_PREFIX_EXPECTED = 'expected letters, digits, _ , - or ., such as peertrail'

const kafka = section({
  brokers: z
    .array(parsed(BROKER_EXPECTED, parseBroker), { error: 'expected a list of host:port' })
    .min(1, { error: 'expected at least one host:port' })
    .max(100)
    .describe('some of the brokers, as host:port'),
  driver: z
    .enum(['kafkajs', 'platformatic'], { error: 'expected kafkajs or platformatic' })
    .optional()
    .describe('the client library; without it kafkajs'),
  prefix: parsed(TOPIC_PREFIX_EXPECTED, (text) => (/^[\w.-]{1,100}$/.test(text) && /\w/.test(text) ? text : null))
    .optional()
    .describe('how the names of topics and groups begin; without it `peertrail`'),
  compression: z
    .enum(['none', 'gzip', 'zstd'], { error: 'expected none, gzip or zstd' })
    .optional()
    .describe('of what is sent; without it zstd'),
  patience: parsed(PATIENCE_EXPECTED, parsePatience)
    .optional()
    .describe('a machine or tier that says nothing for so long is waited for no longer, at least 5s; without it 60s'),
  tls: section({
    ca_file: path
      .optional()
      .describe("certificate of the authority that signed the brokers', PEM; without it those Node trusts"),
    cert_file: path.optional().describe('our own certificate, PEM; together with `key_file`'),
    key_file: path.optional().describe('the key of our own certificate, PEM'),
  })
    .optional()
    .describe('speak TLS; `tls: {}` is enough where the authority is a public one'),
  sasl: section({
    mechanism: z
      .enum(['plain', 'scram-sha-256', 'scram-sha-512'], { error: 'expected plain, scram-sha-256 or scram-sha-512' })
      .describe('how the password is shown to be known'),
    username: words().describe('user'),
    password: secret.describe(SECRET_ABOUT),
  })
    .optional()
    .describe('log in'),
})

const LISTEN_EXPECTED = 'expected an address of this machine alone and a port, such as 127.0.0.1:9798, or `off`'

export const pipelineSchema = section({
  name: words().optional().describe('for people'),
  state: section({
    dir: path
      .optional()
      .describe('directory of cursors, journals and spools; without it `<store>-state` beside the store'),
    start: z
      .enum(['beginning', 'end'])
      .optional()
      .describe(
        'where a log is begun that was never read: rotated files included (`beginning`, the default), or at its `end`',
      ),
    journal_size: size.optional().describe('bytes kept of the output of each command; without it 256MiB'),
    spool_size: size.optional().describe('bytes on disk for each sink that falls behind; without it 1GiB'),
  })
    .optional()
    .describe('what `peertrail run` keeps on disk for itself'),
  listen: parsed(LISTEN_EXPECTED, parseListen)
    .optional()
    .describe('metrics and health over HTTP, on the loopback interface only; without it 127.0.0.1:9798'),
  hosts: z
    .record(machineName, hostOptions)
    .optional()
    .describe("options of machines, by name (in a capture: the folder's)"),
  sources: z.array(source).optional().describe('what is read'),
  inventory: path.optional().describe('path of the inventory, relative to this file'),
  rules: z
    .array(path, { error: 'expected a list of paths' })
    .max(100, { error: 'expected at most 100 files' })
    .optional()
    .describe('files of your own rules, relative to this file; `peertrail rules check` tries them'),
  geo: section({ database: path.describe('a file in the format of MaxMind, with cities: .mmdb') })
    .optional()
    .describe('where endpoints are, for findings about impossible travel; nothing is downloaded'),
  kafka: kafka.optional().describe('the brokers between many machines; with `sources` what is read goes there'),
  tier: z
    .enum(['correlate', 'detect', 'index'], { error: 'expected correlate, detect or index' })
    .optional()
    .describe(
      'what this process does with what is in Kafka: `correlate` joins hosts and flows, `detect` finds, `index` brings documents into the sinks',
    ),
  sinks: sinks.optional().describe('where documents go'),
})

export type PipelineDocument = z.output<typeof pipelineSchema>

/** JSON Schema (draft 2020-12) of pipeline files, for editors. */
export function pipelineJsonSchema(): object {
  return z.toJSONSchema(pipelineSchema, { io: 'input' })
}

/** Machines tell once a second, and their batches take a moment: with less patience nobody would be waited for, ever. */
function parsePatience(text: string): number | null {
  const patience = parseDuration(text)
  return patience !== null && patience >= 5 * SECOND ? patience : null
}

function isUint(max: number): (value: number) => boolean {
  return (value) => Number.isInteger(value) && value >= 0 && value <= max
}

/** An IANA name (tz database, as the runtime's ICU has it) or a fixed offset. */
function isTimezone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    // A RangeError is how Intl says no; there is no other way to ask.
    return false
  }
}

export type Listen = { readonly address: string; readonly port: number } | 'off'

function parseListen(text: string): Listen | null {
  if (text === 'off') return 'off'
  const match = /^(?:(127(?:\.\d{1,3}){3}|localhost)|\[(::1)\]):(\d{1,5})$/.exec(text)
  if (match === null || Number(match[3]) > 65_535) return null
  return { address: match[1] ?? match[2] ?? '', port: Number(match[3]) }
}

function parseBroker(text: string): string | null {
  const match = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9._-]{0,252})):(\d{1,5})$/i.exec(text)
  return match === null || Number(match[1]) > 65_535 || Number(match[1]) === 0 ? null : text
}
