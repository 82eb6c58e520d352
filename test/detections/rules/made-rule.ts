/** A rule as a person writes it, of a few lines that a test gives. */
import { readRules } from '../../../src/detections/rules/read-rules.ts'
import type { Rule } from '../../../src/detections/rules/rule.ts'
import type { Event } from '../../../src/event.ts'
import type { Fields } from '../../../src/fields.ts'
import { SECOND } from '../../../src/time.ts'

/** The edge of every window. */
export const T0 = 1_767_225_600 * SECOND

/** `lines`: of the rule, without id, title and severity. */
export function madeRule(...lines: string[]): Rule {
  const text = [
    'version: 1',
    'rules:',
    '  - id: made',
    '    title: Made',
    '    severity: high',
    ...lines.map((line) => `    ${line}`),
    '',
  ]
  const [rule] = readRules(text.join('\n'), 'rules.yaml')
  if (rule === undefined) throw new Error('no rule')
  return rule
}

/** A document of a flow; `at`: seconds from T0. */
export function flow(at: number, id: string, more: Fields = {}): Event {
  return {
    dataset: 'wireguard.flow',
    own: {
      '@timestamp': T0 + at * SECOND,
      'event.id': id,
      'event.dataset': 'wireguard.flow',
      'event.kind': 'event',
      'event.category': ['network'],
      'event.type': ['connection', 'start'],
      'event.module': 'wireguard',
      'event.provider': 'conntrack',
      'event.action': 'flow-started',
      'host.name': 'gw1',
      'observer.name': 'gw1',
      'source.ip': '10.8.0.2',
      'destination.ip': '172.30.51.68',
      'destination.port': 22,
      'related.ip': ['10.8.0.2', '172.30.51.68'],
      'wireguard.peer.public_key': 'keyA',
      'wireguard.peer.name': 'fir',
      'wireguard.attribution.status': 'exact',
      ...more,
    },
    facets: [],
  }
}
