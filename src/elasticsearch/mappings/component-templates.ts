/**
 * The parts that index templates are composed of (elastic.md 1.2). What people may want to change stands in a part and not in the
 * index template itself, because their hook is the last part and overrides the others, but not the template.
 */
import { ARTEFACT_VERSION, type Artefact, type JsonObject, stamp, type Target } from '../artefact.ts'
import { METRICS_DATASET, STREAMS, type StreamKind } from '../streams.ts'
import { geoMappings } from './added-fields.ts'
import { fieldMappings, IGNORE_ABOVE } from './field-mapping.ts'
import { pipelineNames } from './ingest-pipelines.ts'
import { propertyTree } from './property-tree.ts'

/** Days: a year of logs and metrics, the ledger as long as what is attributed by it. Counted from rollover, so at least that long. */
const RETENTION = '365d'
/** Mappers, objects included. Ours are fewer than half of it; the rest is for what user hooks add. */
export const TOTAL_FIELDS_LIMIT = 1000
/** The longest Elasticsearch takes: how far back the first index of a time series stream accepts points. */
const LOOK_BACK = '7d'
/** What makes a series. Owner and groups do not: they change, and would begin another one. */
const DIMENSIONS = ['host.name', 'wireguard.interface.name', 'wireguard.peer.public_key']

/**
 * The hook for people's own settings and mappings, never made by us. The ledger's stream has that of the logs: it must be kept as long
 * as what it explains.
 */
export function hookName(type: StreamKind['type']): string {
  return `${type}-wireguard@custom`
}

/** Names of the parts of a stream, in order: a later one overrides an earlier one. */
export function partsOf({ type, dataset }: StreamKind): readonly string[] {
  return [
    `${type}-wireguard@settings`,
    'wireguard-ecs@mappings',
    'wireguard-custom@mappings',
    `${type}-${dataset}@mappings`,
  ]
}

/** Whether a target keeps the metrics as time series. */
export function isTimeSeries(target: Target): boolean {
  return target.metrics === 'time-series' && target.can.tsds
}

/** All parts; each can be PUT by itself, in any order. */
export function componentTemplates(target: Target): readonly Artefact[] {
  return [
    part('logs-wireguard@settings', 'Settings of all log streams.', settingsTemplate('logs', target)),
    part('metrics-wireguard@settings', 'Settings of the metrics stream.', settingsTemplate('metrics', target)),
    part('wireguard-ecs@mappings', 'Fields of ECS, and how a field that is none of ours is mapped.', {
      mappings: {
        // Texts that look like a date stay texts.
        date_detection: false,
        dynamic_templates: [
          {
            'text-is-keyword': {
              match_mapping_type: 'string',
              mapping: { type: 'keyword', ignore_above: IGNORE_ABOVE },
            },
          },
        ],
        properties: propertyTree([...fieldMappings('ecs'), ...geoMappings('ecs')]),
      },
    }),
    part('wireguard-custom@mappings', 'Fields of peertrail’s own namespaces, which take no others.', {
      mappings: { properties: propertyTree([...fieldMappings('own'), ...geoMappings('own')]) },
    }),
    ...STREAMS.map((stream) =>
      part(`${stream.type}-${stream.dataset}@mappings`, `Of ${stream.dataset} alone: ${stream.about}.`, {
        ...streamSettings(stream, target),
        mappings: { properties: propertyTree(streamFields(stream, target)) },
      }),
    ),
  ]
}

function part(name: string, description: string, template: JsonObject): Artefact {
  return {
    kind: 'component-template',
    name,
    body: { version: ARTEFACT_VERSION, _meta: { ...stamp(), description }, template },
  }
}

function settingsTemplate(type: StreamKind['type'], target: Target): JsonObject {
  const { can } = target
  return {
    settings: { index: indexSettings(type, target) },
    ...(can.lifecycle ? { lifecycle: { data_retention: RETENTION } } : {}),
    ...(can.failureStore ? { data_stream_options: { failure_store: { enabled: true } } } : {}),
  }
}

function indexSettings(type: StreamKind['type'], target: Target): JsonObject {
  const { default: first, final } = pipelineNames(type, target)
  const isElasticsearch = target.engine === 'elasticsearch'
  return {
    ...modeSettings(type, target),
    ...(first === '' ? {} : { default_pipeline: first }),
    ...(final === '' ? {} : { final_pipeline: final }),
    mapping: {
      // logsdb turns it on: what does not fit would be kept, and nobody would see it.
      ignore_malformed: false,
      total_fields: {
        limit: TOTAL_FIELDS_LIMIT,
        // A user's hook that adds a field too many costs the field, not the document.
        ...(isElasticsearch ? { ignore_dynamic_beyond_limit: true } : {}),
      },
      // Synthetic `_source` keeps order and repeats of lists: of arguments of a program, of TCP flags.
      ...(isElasticsearch ? { synthetic_source_keep: 'arrays' } : {}),
    },
  }
}

/** Where the engine has no such mode the answers are the same and take more room. */
function modeSettings(type: StreamKind['type'], { can }: Target): JsonObject {
  return type === 'logs' && can.logsdb ? { mode: 'logsdb' } : { codec: 'best_compression' }
}

function streamSettings({ dataset }: StreamKind, target: Target): JsonObject {
  if (dataset === 'wireguard.flow') {
    // Documents of one peer lie together: nearly all of the volume, asked for by peer, and what repeats is stored once.
    const sort = {
      field: ['host.name', 'wireguard.peer.public_key', '@timestamp'],
      order: ['asc', 'asc', 'desc'],
    }
    return { settings: { index: { sort } } }
  }
  // The ledger's own records are none of an analyst's: nothing is looked up for them.
  if (dataset === 'peertrail.ledger') return { settings: { index: { default_pipeline: '_none' } } }
  if (dataset === METRICS_DATASET && isTimeSeries(target)) return { settings: { index: timeSeriesSettings(target) } }
  return {}
}

/** In the part that has the dimensions: a server refuses a part with the one and not the other, also between two PUTs. */
function timeSeriesSettings(target: Target): JsonObject {
  return {
    mode: 'time_series',
    // By default from the dimensions, but a part is looked at alone.
    routing_path: DIMENSIONS,
    ...(hasTimeBounds(target) ? { look_back_time: LOOK_BACK } : {}),
  }
}

/** They come with a module of every distribution, as `set` does; an engine cut down to the server has neither. */
function hasTimeBounds({ processors }: Target): boolean {
  return processors === null || processors.has('set')
}

/** What is constant in a stream, and how its metrics are measured. */
function streamFields(stream: StreamKind, target: Target): readonly (readonly [string, JsonObject])[] {
  const { type, dataset } = stream
  const constant = (value: string): JsonObject => ({ type: 'constant_keyword', value })
  return [
    ['data_stream.type', constant(type)],
    ['data_stream.dataset', constant(dataset)],
    // One template for all namespaces: the value comes with the first document (ingest-pipelines.ts), which OpenSearch cannot do.
    ['data_stream.namespace', { type: target.engine === 'elasticsearch' ? 'constant_keyword' : 'keyword' }],
    ['event.dataset', constant(dataset)],
    ['event.module', constant(dataset === 'wireguard.audit' ? 'auditd' : 'wireguard')],
    ...(dataset === METRICS_DATASET && isTimeSeries(target) ? timeSeriesFields() : []),
  ]
}

function timeSeriesFields(): readonly (readonly [string, JsonObject])[] {
  const metric = (kind: 'counter' | 'gauge'): JsonObject => ({ type: 'long', time_series_metric: kind })
  return [
    // A dimension takes no `ignore_above`.
    ...DIMENSIONS.map((name) => [name, { type: 'keyword', time_series_dimension: true }] as const),
    ['wireguard.peer.rx.bytes', metric('counter')],
    ['wireguard.peer.tx.bytes', metric('counter')],
    ['wireguard.peer.handshake_age', metric('gauge')],
  ]
}
