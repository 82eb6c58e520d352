/**
 * Pipeline files (design 8.3): which machines, which sources, where documents go. Parsed and validated here, acted on elsewhere:
 * nothing is opened, no secret is read, and paths stay as written (relative to the file; its reader knows where it lies).
 */

import type { SyslogAddress } from './config-notices.ts'
import { type Listen, type PipelineDocument, pipelineSchema } from './config-schema.ts'
import type { Secret } from './config-words.ts'
import { AppError, type Problem } from './errors.ts'
import type { Severity } from './finding-document.ts'
import { byPlace, limitProblems, pathText, schemaProblems } from './schema-problems.ts'
import { MINUTE, type Micros, SECOND } from './time.ts'
import { type Path, readYaml } from './yaml-document.ts'

/** What configuration says a log prefix means; overrides the ruleset (design 8.1). */
export type PrefixVerdict = { readonly match: string; readonly verdict: 'accepted' | 'dropped' | 'rejected' }

/** What tells an interface's connections apart in conntrack (design 5.5); null = not configured. */
export type InterfaceMarks = { readonly mark: number | null; readonly zone: number | null }

export type HostOptions = {
  /** Zone of stamps that have none: IANA name or fixed offset, '' = not configured. */
  readonly timezone: string
  readonly prefixes: readonly PrefixVerdict[]
  /** By interface name. */
  readonly interfaces: ReadonlyMap<string, InterfaceMarks>
  /** Period of `wg show` polls, 0 = not configured. */
  readonly poll: Micros
  /** Wall clock at uptime 0, for packet logs without any other clock; null = not configured. */
  readonly booted: Micros | null
  /** Which audit events become documents. */
  readonly audit: 'sessions' | 'all'
}

export type SourceConfig = {
  readonly type: 'nftables' | 'nftables-ruleset' | 'conntrack' | 'wireguard' | 'auditd' | 'hostfacts'
  /** '' = this machine. */
  readonly host: string
  /** File to follow, '' when a command is run. */
  readonly path: string
  /** Program and arguments, run without a shell; empty when a file is followed. */
  readonly command: readonly string[]
  /** Period of a command that ends (`every`) or of conntrack's table dump (`dump.every`); 0 = not configured. */
  readonly every: Micros
  readonly dumpEvery: Micros
  /** How lines are written; '' = by the name of the file or program. */
  readonly format: '' | 'syslog' | 'journal' | 'ulogd'
}

/** What the daemon keeps for itself. */
export type StateConfig = {
  /** '' = beside the store. */
  readonly dir: string
  readonly start: 'beginning' | 'end'
  readonly journalBytes: number
  readonly spoolBytes: number
}

export type CommandSinkConfig = {
  readonly run: readonly string[]
  readonly timeout: Micros
  /** Only findings at or above; null = every document. */
  readonly severity: Severity | null
}

/** Findings at or above a severity to an HTTP endpoint. Paths as written, '' = none. */
export type WebhookConfig = {
  readonly url: string
  readonly severity: Severity
  readonly secret: Secret | null
  readonly headers: ReadonlyMap<string, Secret>
  readonly template: string
  readonly timeout: Micros
  readonly caFile: string
}

/** Findings at or above a severity to a syslog receiver. */
export type SyslogConfig = {
  readonly to: SyslogAddress
  readonly severity: Severity
  readonly facility: string
  readonly format: 'text' | 'json'
  readonly timeout: Micros
  readonly caFile: string
}

export type StoreConfig = {
  readonly dir: string
  /** Whole days, 0 = not configured. */
  readonly retentionDays: number
  /** Whole days of datasets that have their own. */
  readonly retentionDatasets: ReadonlyMap<string, number>
  /** Bytes, 0 = not configured. */
  readonly retentionBytes: number
}

export type ElasticsearchConfig = {
  readonly url: string
  readonly apiKey: Secret | null
  readonly username: string
  readonly password: Secret | null
  readonly caFile: string
  /** SHA-256 of a certificate, hex, '' = none. */
  readonly fingerprint: string
  /** Last part of the streams' names. */
  readonly namespace: string
  readonly metrics: 'time-series' | 'standard' | 'off'
  /** Bytes of the file of refused documents. */
  readonly deadLetterBytes: number
}

export type KafkaConfig = {
  /** `host:port` each. */
  readonly brokers: readonly string[]
  readonly driver: 'kafkajs' | 'platformatic'
  /** Topics are `PREFIX.flows` …, groups `PREFIX.correlate` …. */
  readonly prefix: string
  readonly compression: 'none' | 'gzip' | 'zstd'
  /** How long machines and tiers that say nothing are waited for. */
  readonly patience: Micros
  /** Paths as written, '' = none; null = no TLS. */
  readonly tls: { readonly caFile: string; readonly certFile: string; readonly keyFile: string } | null
  readonly sasl: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: Secret
  } | null
}

/** What a process does with what is in Kafka; '' = it reads logs. */
export type Tier = '' | 'correlate' | 'detect' | 'index'

export type PipelineConfig = {
  readonly name: string
  readonly hosts: ReadonlyMap<string, HostOptions>
  readonly sources: readonly SourceConfig[]
  /** Path of the inventory, '' = none named. */
  readonly inventory: string
  /** Files of users' own rules. */
  readonly rules: readonly string[]
  /** Path of a database of places (MaxMind's format), '' = none. */
  readonly geo: string
  readonly kafka: KafkaConfig | null
  readonly tier: Tier
  readonly store: StoreConfig | null
  readonly elasticsearch: ElasticsearchConfig | null
  /** Path of an NDJSON file, '' = none. */
  readonly ndjson: string
  readonly command: CommandSinkConfig | null
  readonly webhook: WebhookConfig | null
  readonly syslog: SyslogConfig | null
  readonly state: StateConfig
  readonly listen: Listen
}

const JOURNAL_BYTES = 256 * 1024 * 1024
const DEAD_LETTER_BYTES = 1024 * 1024 * 1024
const SPOOL_BYTES = 1024 * 1024 * 1024
const COMMAND_TIMEOUT: Micros = MINUTE
const NOTICE_TIMEOUT: Micros = 10 * SECOND
const NOTICE_SEVERITY: Severity = 2
/** Prometheus' list of default ports has nothing there. */
const LISTEN: Listen = { address: '127.0.0.1', port: 9798 }

/** Throws AppError `bad-pipeline` with everything that is wrong. `file` is only for its messages. */
export function parsePipeline(text: string, file: string): PipelineConfig {
  const yaml = readYaml(text, file)
  if (yaml.problems.length > 0) throw badPipeline(yaml.problems, file)
  const result = pipelineSchema.safeParse(yaml.value)
  if (!result.success) {
    const { problems, total } = schemaProblems(result.error.issues, yaml)
    throw badPipeline(problems, file, total)
  }
  const problems: Problem[] = []
  checkPipeline(result.data, (path, message) => problems.push(yaml.problemAt(path, `${pathText(path)}: ${message}`)))
  if (problems.length > 0) throw badPipeline(problems.sort(byPlace), file)
  return toPipeline(result.data)
}

/** For captures without a pipeline file. */
export function emptyPipeline(): PipelineConfig {
  return toPipeline({})
}

/** What holds for a machine that no pipeline file mentions. */
export function defaultHostOptions(): HostOptions {
  return toHostOptions({})
}

/** What is wrong although every value is well formed. */
function checkPipeline(document: PipelineDocument, report: (path: Path, message: string) => void): void {
  for (const [i, source] of (document.sources ?? []).entries()) {
    const at = ['sources', i]
    if (source.path !== undefined && source.command !== undefined) {
      report([...at, 'path'], 'expected either path or command')
    } else if (source.path === undefined && source.command === undefined && source.type !== 'hostfacts') {
      report(at, 'expected path (a file to follow) or command (a program to run)')
    }
    if (source.path === undefined) continue
    if ('every' in source) report([...at, 'every'], 'a file that is followed has no period; expected command')
    if ('dump' in source) report([...at, 'dump'], 'a file that is followed gets no dumps; expected command')
  }
  checkTier(document, report)
  const { elasticsearch } = document.sinks ?? {}
  if (elasticsearch === undefined) return
  const at = ['sinks', 'elasticsearch']
  if ((elasticsearch.username === undefined) !== (elasticsearch.password === undefined)) {
    report(at, 'expected username and password together')
  }
  if (elasticsearch.api_key !== undefined && elasticsearch.username !== undefined) {
    report([...at, 'api_key'], 'expected either api_key or username and password')
  }
}

function checkTier(
  { kafka, tier, sources, sinks }: PipelineDocument,
  report: (path: Path, message: string) => void,
): void {
  if (kafka?.tls !== undefined && (kafka.tls.cert_file === undefined) !== (kafka.tls.key_file === undefined))
    report(['kafka', 'tls'], 'expected cert_file and key_file together')
  if (tier === undefined && kafka !== undefined && (sources ?? []).length > 0 && sinks !== undefined)
    report(['sinks'], 'what is read goes to Kafka, and from there on with tier: index; expected either kafka or sinks')
  if (tier === undefined) return
  if (kafka === undefined) report(['tier'], 'expected kafka: a tier reads what is there')
  if ((sources ?? []).length > 0) report(['sources'], 'a tier reads Kafka and no logs; expected either sources or tier')
  const hasSinks = sinks !== undefined && Object.keys(sinks).length > 0
  if (tier === 'index' && !hasSinks) report(['tier'], 'expected sinks: what is indexed goes there')
  if (tier !== 'index' && hasSinks)
    report(['sinks'], 'what this tier makes goes to Kafka; expected sinks only with tier: index')
}

function toPipeline(document: PipelineDocument): PipelineConfig {
  const { store, elasticsearch, ndjson, command } = document.sinks ?? {}
  const { state } = document
  return {
    name: document.name ?? '',
    hosts: new Map(Object.entries(document.hosts ?? {}).map(([name, options]) => [name, toHostOptions(options)])),
    sources: (document.sources ?? []).map((source) => ({
      type: source.type,
      host: source.host ?? '',
      path: source.path ?? '',
      command: source.command ?? [],
      every: 'every' in source ? (source.every ?? 0) : 0,
      dumpEvery: 'dump' in source ? (source.dump?.every ?? 0) : 0,
      format: 'format' in source ? (source.format ?? '') : '',
    })),
    inventory: document.inventory ?? '',
    rules: document.rules ?? [],
    geo: document.geo?.database ?? '',
    kafka: document.kafka === undefined ? null : toKafka(document.kafka),
    tier: document.tier ?? '',
    store: store === undefined ? null : toStore(store),
    elasticsearch:
      elasticsearch === undefined
        ? null
        : {
            url: elasticsearch.url,
            apiKey: elasticsearch.api_key ?? null,
            username: elasticsearch.username ?? '',
            password: elasticsearch.password ?? null,
            caFile: elasticsearch.ca_file ?? '',
            fingerprint: elasticsearch.fingerprint ?? '',
            namespace: elasticsearch.namespace ?? 'default',
            metrics: elasticsearch.metrics ?? 'time-series',
            deadLetterBytes: elasticsearch.dead_letters?.max_size ?? DEAD_LETTER_BYTES,
          },
    ndjson: ndjson?.path ?? '',
    command:
      command === undefined
        ? null
        : { run: command.run, timeout: command.timeout ?? COMMAND_TIMEOUT, severity: command.severity ?? null },
    ...toNotices(document.sinks),
    state: {
      dir: state?.dir ?? '',
      start: state?.start ?? 'beginning',
      journalBytes: state?.journal_size ?? JOURNAL_BYTES,
      spoolBytes: state?.spool_size ?? SPOOL_BYTES,
    },
    listen: document.listen ?? LISTEN,
  }
}

function toKafka(kafka: NonNullable<PipelineDocument['kafka']>): KafkaConfig {
  const { tls, sasl } = kafka
  return {
    brokers: kafka.brokers,
    driver: kafka.driver ?? 'kafkajs',
    prefix: kafka.prefix ?? 'peertrail',
    compression: kafka.compression ?? 'zstd',
    patience: kafka.patience ?? MINUTE,
    tls:
      tls === undefined
        ? null
        : { caFile: tls.ca_file ?? '', certFile: tls.cert_file ?? '', keyFile: tls.key_file ?? '' },
    sasl: sasl ?? null,
  }
}

function toNotices(sinks: PipelineDocument['sinks']): Pick<PipelineConfig, 'webhook' | 'syslog'> {
  const { webhook, syslog } = sinks ?? {}
  return {
    webhook:
      webhook === undefined
        ? null
        : {
            url: webhook.url,
            severity: webhook.severity ?? NOTICE_SEVERITY,
            secret: webhook.secret ?? null,
            headers: new Map(Object.entries(webhook.headers ?? {})),
            template: webhook.template ?? '',
            timeout: webhook.timeout ?? NOTICE_TIMEOUT,
            caFile: webhook.ca_file ?? '',
          },
    syslog:
      syslog === undefined
        ? null
        : {
            to: syslog.to,
            severity: syslog.severity ?? NOTICE_SEVERITY,
            facility: syslog.facility ?? 'auth',
            format: syslog.format ?? 'text',
            timeout: syslog.timeout ?? NOTICE_TIMEOUT,
            caFile: syslog.ca_file ?? '',
          },
  }
}

function toStore(store: NonNullable<NonNullable<PipelineDocument['sinks']>['store']>): StoreConfig {
  return {
    dir: store.dir,
    retentionDays: store.retention?.days ?? 0,
    retentionDatasets: new Map(Object.entries(store.retention?.datasets ?? {})),
    retentionBytes: store.retention?.max_size ?? 0,
  }
}

function toHostOptions(options: NonNullable<PipelineDocument['hosts']>[string]): HostOptions {
  return {
    timezone: options.timezone ?? '',
    prefixes: options.prefixes ?? [],
    interfaces: new Map(
      Object.entries(options.interfaces ?? {}).map(([name, marks]) => [
        name,
        { mark: marks.mark ?? null, zone: marks.zone ?? null },
      ]),
    ),
    poll: options.poll ?? 0,
    booted: options.booted ?? null,
    audit: options.audit ?? 'sessions',
  }
}

function badPipeline(problems: readonly Problem[], file: string, total = problems.length): AppError {
  return new AppError('bad-pipeline', `${file} is no valid pipeline file`, {
    problems: limitProblems(problems, file, total),
    advice: 'Correct the lines named; `peertrail check` shows them with their place.',
  })
}
