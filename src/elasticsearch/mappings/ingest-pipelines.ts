/**
 * What must happen at the server (elastic.md 3): places and networks of addresses, hooks for people's own steps, and the time of
 * storing. All parsing and attribution is done before, where it is tested.
 *
 * Nothing here may cost a document. An address that is in no database, as every private one, gets no place; a database that is not
 * there yet leaves a tag (`_geoip_database_unavailable_…`), which is the server's own way to say so.
 */
import { ARTEFACT_VERSION, type Artefact, type JsonObject, stamp, type Target } from '../artefact.ts'
import type { StreamKind } from '../streams.ts'
import { GEO_PLACES, GEO_PROPERTIES, type GeoPlace } from './added-fields.ts'

type Processor = { readonly type: string; readonly options: JsonObject }

/** Processors of ours that a plain OpenSearch has not. */
const NOT_IN_OPENSEARCH: ReadonlySet<string> = new Set(['geoip'])

/** Names of the pipelines that a stream's settings name; '' = none. */
export function pipelineNames(
  type: StreamKind['type'],
  target: Target,
): { readonly default: string; readonly final: string } {
  return {
    default: type === 'logs' && defaultProcessors(target).length > 0 ? 'logs-wireguard@pipeline' : '',
    final: finalProcessors(target).length > 0 ? `${type}-wireguard@final` : '',
  }
}

/** Those that hold a processor the server has. */
export function ingestPipelines(target: Target): readonly Artefact[] {
  const { default: first, final } = pipelineNames('logs', target)
  const metrics = pipelineNames('metrics', target).final
  return [
    ...(first === ''
      ? []
      : [
          pipeline(
            first,
            'Places and networks of public addresses; private ones are in no database. Then the hooks.',
            defaultProcessors(target),
            failureProcessors(target),
          ),
        ]),
    ...[final, metrics]
      .filter((name) => name !== '')
      .map((name) => pipeline(name, 'When it was stored, and in which namespace.', finalProcessors(target), [])),
  ]
}

function pipeline(
  name: string,
  description: string,
  processors: readonly Processor[],
  onFailure: readonly Processor[],
): Artefact {
  return {
    kind: 'ingest-pipeline',
    name,
    body: {
      version: ARTEFACT_VERSION,
      _meta: stamp(),
      description,
      processors: processors.map(printed),
      ...(onFailure.length === 0 ? {} : { on_failure: onFailure.map(printed) }),
    },
  }
}

function printed({ type, options }: Processor): JsonObject {
  return { [type]: options }
}

function defaultProcessors(target: Target): readonly Processor[] {
  return available(
    [
      ...(has('geoip', target) ? GEO_PLACES.flatMap(placeProcessors) : []),
      // OpenSearch refuses a pipeline that names one which is not there: no hooks.
      ...(target.engine === 'elasticsearch'
        ? [hook('hook-all', 'logs-wireguard@custom'), hook('hook-dataset', 'logs-{{{event.dataset}}}@custom')]
        : []),
    ],
    target,
  )
}

/** The processor calls the number `asn`; ECS calls it `as.number`. */
function placeProcessors({ place }: GeoPlace): readonly Processor[] {
  const tag = place.replaceAll('.', '-')
  const optional = { ignore_missing: true, ignore_failure: true }
  const rename = (from: string, to: string): Processor => ({
    type: 'rename',
    options: { tag: `as-${tag}-${from}`, field: `${place}.as.${from}`, target_field: `${place}.as.${to}`, ...optional },
  })
  return [
    {
      type: 'geoip',
      options: {
        tag: `geo-${tag}`,
        database_file: 'GeoLite2-City.mmdb',
        field: `${place}.ip`,
        target_field: `${place}.geo`,
        properties: [...GEO_PROPERTIES.keys()],
        ...optional,
      },
    },
    {
      type: 'geoip',
      options: {
        tag: `as-${tag}`,
        database_file: 'GeoLite2-ASN.mmdb',
        field: `${place}.ip`,
        target_field: `${place}.as`,
        properties: ['ASN', 'ORGANIZATION_NAME'],
        ...optional,
      },
    },
    rename('asn', 'number'),
    rename('organization_name', 'organization.name'),
  ]
}

function hook(tag: string, name: string): Processor {
  return { type: 'pipeline', options: { tag, name, ignore_missing_pipeline: true } }
}

function finalProcessors(target: Target): readonly Processor[] {
  return available(
    [
      {
        type: 'set',
        // Milliseconds are enough, and the field holds no more.
        options: { tag: 'stored-at', field: 'event.ingested', value: '{{{_ingest.timestamp}}}' },
      },
      {
        type: 'dissect',
        options: {
          tag: 'namespace',
          field: '_index',
          pattern: '%{}-%{}-%{data_stream.namespace}',
          ignore_failure: true,
        },
      },
    ],
    target,
  )
}

/** Only a hook can fail. What it left of the document is stored, and says whose fault it was. */
function failureProcessors(target: Target): readonly Processor[] {
  const where = 'processor {{{_ingest.on_failure_processor_type}}} {{{_ingest.on_failure_processor_tag}}}'
  return available(
    [
      { type: 'set', options: { tag: 'failed-kind', field: 'event.kind', value: 'pipeline_error' } },
      {
        type: 'set',
        options: {
          tag: 'failed-why',
          field: 'error.message',
          value: `ingest pipeline {{{_ingest.on_failure_pipeline}}}, ${where}: {{{_ingest.on_failure_message}}}`,
          // What we said of the input itself stays.
          override: false,
        },
      },
    ],
    target,
  )
}

function available(processors: readonly Processor[], target: Target): readonly Processor[] {
  return processors.filter(({ type }) => has(type, target))
}

function has(processor: string, { engine, processors }: Target): boolean {
  if (processors !== null) return processors.has(processor)
  return engine === 'elasticsearch' || !NOT_IN_OPENSEARCH.has(processor)
}
