/** Fields that no document of ours carries: the ingest pipeline adds them (ingest-pipelines.ts), or the stream's name says them. */
import type { JsonObject } from '../artefact.ts'
import { IGNORE_ABOVE } from './field-mapping.ts'

/** An address the ingest pipeline looks up: its field is `<place>.ip`, what is found goes to `<place>.geo` and `<place>.as`. */
export type GeoPlace = { readonly place: string; readonly origin: 'ecs' | 'own' }

export const GEO_PLACES: readonly GeoPlace[] = [
  { place: 'source', origin: 'ecs' },
  { place: 'destination', origin: 'ecs' },
  { place: 'wireguard.peer.endpoint', origin: 'own' },
]

/** Properties of the City database, and the ECS fields that the processor makes of them. */
export const GEO_PROPERTIES: ReadonlyMap<string, { readonly field: string; readonly type: string }> = new Map([
  ['CONTINENT_NAME', { field: 'continent_name', type: 'keyword' }],
  ['COUNTRY_ISO_CODE', { field: 'country_iso_code', type: 'keyword' }],
  ['COUNTRY_NAME', { field: 'country_name', type: 'keyword' }],
  ['REGION_ISO_CODE', { field: 'region_iso_code', type: 'keyword' }],
  ['REGION_NAME', { field: 'region_name', type: 'keyword' }],
  ['CITY_NAME', { field: 'city_name', type: 'keyword' }],
  ['LOCATION', { field: 'location', type: 'geo_point' }],
])

const keyword: JsonObject = { type: 'keyword', ignore_above: IGNORE_ABOVE }

/** Mappings of what the pipeline finds for addresses, by dotted name. */
export function geoMappings(origin: GeoPlace['origin']): readonly (readonly [name: string, mapping: JsonObject])[] {
  return GEO_PLACES.filter((each) => each.origin === origin).flatMap(({ place }) => [
    [`${place}.as.number`, { type: 'long' }],
    [`${place}.as.organization.name`, keyword],
    ...[...GEO_PROPERTIES.values()].map(
      ({ field, type }) => [`${place}.geo.${field}`, type === 'keyword' ? keyword : { type }] as const,
    ),
  ])
}
