/**
 * Roles of the cluster's own security (elastic.md 1.7, 4.4): each may do what its work needs and nothing else. None of them may
 * read failure stores, which hold documents as they came, whoever was meant to see them.
 */
import { type Artefact, type Json, type JsonObject, stamp } from './artefact.ts'
import { METRICS_DATASET, STREAMS, streamPattern } from './streams.ts'

const ALL = STREAMS.map(streamPattern)
/** Raw packet log lines and counters are no matter of an audit: flows hold what was denied, coverage whether anything is missing. */
const AUDITED = STREAMS.filter(({ dataset }) => dataset !== 'wireguard.firewall' && dataset !== METRICS_DATASET)
/** `view_index_metadata`: which streams there are. The ledger's stream belongs to it, `who` is answered from that. */
const READ = ['read', 'view_index_metadata']
/** Adds documents and the streams they go to; neither reads, changes nor deletes one. */
const WRITE = ['create_doc', 'auto_configure']

export const WRITER_ROLE = 'peertrail_writer'
export const INSTALLER_ROLE = 'peertrail_installer'

/** In the order of installation; the same for every Elasticsearch. OpenSearch's security plugin has roles of another shape. */
export function roles(): readonly Artefact[] {
  return [
    role(WRITER_ROLE, 'A gateway: adds documents, and can neither read, change nor delete any.', writerDescriptor()),
    role(INSTALLER_ROLE, 'peertrail install: templates, pipelines, keys of gateways. Reads and deletes no document.', {
      // `manage_security` is left out: who may write roles may give himself every other.
      cluster: ['monitor', 'manage_index_templates', 'manage_ingest_pipelines', 'manage_own_api_key'],
      // A key is worth no more than who made it, hence WRITE. `manage` would hold the right to delete; these are the actions
      // themselves: new fields, a new backing index (which asks for statistics), the switch of the failure store.
      indices: [
        indices(ALL, [
          ...WRITE,
          'view_index_metadata',
          'monitor',
          'indices:admin/mapping/put',
          'indices:admin/rollover',
          'indices:admin/data_stream/options/*',
        ]),
      ],
    }),
    role('peertrail_analyst', 'Searches every stream, and the alerts of Elastic Security.', {
      indices: [indices(ALL, READ), indices(['.alerts-security.alerts-*'], READ)],
    }),
    role('peertrail_auditor', 'Reads flows, sessions, audit events, findings and coverage; no raw packet log lines.', {
      indices: [indices(AUDITED.map(streamPattern), READ)],
    }),
    role('peertrail_report', 'Reads every stream, for reports.', { indices: [indices(ALL, READ)] }),
  ]
}

/** What a gateway's API key may do: exactly the writer's role. */
export function writerDescriptor(): JsonObject {
  return { cluster: [], indices: [indices(ALL, WRITE)] }
}

function role(name: string, description: string, privileges: JsonObject): Artefact {
  return { kind: 'role', name, body: { description, ...privileges, metadata: stamp() } }
}

function indices(names: readonly string[], privileges: readonly string[]): { readonly [name: string]: Json } {
  return { names, privileges }
}
