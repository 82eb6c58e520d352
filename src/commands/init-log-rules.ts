/** The log rules that a machine lacks, as a ruleset file of its own: deploy/nftables/wireguard-logging.nft for the interfaces found. */
import type { LogCoverage } from './doctor-log-rules.ts'

/** Names that nft takes between quotes as they are; a `*` at the end would be a wildcard. */
const PLAIN_NAME = /^[\w.@=+-]{1,15}$/

export const RULES_FILE = '/etc/peertrail/wireguard-logging.nft'

export type LogRulesDraft = {
  readonly text: string
  readonly interfaces: readonly string[]
  /** Interfaces whose names do not fit into a ruleset file. */
  readonly leftOut: readonly string[]
}

/** `template`: text of the shipped file. Null when nothing lacks. */
export function draftLogRules(template: string, { lacking }: Pick<LogCoverage, 'lacking'>): LogRulesDraft | null {
  const names = [...lacking.keys()]
  const interfaces = names.filter((name) => PLAIN_NAME.test(name))
  if (interfaces.length === 0) return null
  const directions = new Set(interfaces.flatMap((name) => lacking.get(name) ?? []))
  const keeps = {
    forward: directions.has('forward-in') || directions.has('forward-out'),
    input: directions.has('input'),
    output: directions.has('output'),
  }
  const listed = interfaces.map((name) => `"${name}"`)
  const value = listed.length === 1 ? listed.join('') : `{ ${listed.join(', ')} }`
  let body = template
    .slice(Math.max(0, template.indexOf('# Better than this table')))
    .replace(
      /^# Interfaces whose names.*\n/m,
      '# The interfaces whose packets no log rule saw when this file was made.\n',
    )
    .replace(/^define wg = .*$/m, `define wg = ${value}`)
  for (const [chain, isKept] of Object.entries(keeps)) if (!isKept) body = without(body, `chain ${chain}`)
  // The sets are for the rules of the chain forward.
  if (!keeps.forward)
    body = without(without(body.replace(/^\t# What peers may not reach.*\n/m, ''), 'set refused4'), 'set refused6')
  return { text: `${head(interfaces)}${body}`, interfaces, leftOut: names.filter((name) => !PLAIN_NAME.test(name)) }
}

function head(interfaces: readonly string[]): string {
  return [
    '#!/usr/sbin/nft -f',
    `# Log rules for ${interfaces.join(', ')}, made by \`peertrail init\` from deploy/nftables/wireguard-logging.nft: one line for each new`,
    '# connection in the directions that no rule logged. They change no verdict. The table is its own: it can be loaded and taken out',
    '# beside any other ruleset.',
    '#',
    `# Check with \`nft -c -f ${RULES_FILE}\`, load with \`nft -f …\`, take out with \`nft delete table inet peertrail\`.`,
    '',
  ].join('\n')
}

/** Takes a block `<tab>title { … <tab>}` out, with an empty line before it. */
function without(text: string, title: string): string {
  const start = text.indexOf(`\t${title} {\n`)
  const end = text.indexOf('\n\t}\n', start)
  if (start < 0 || end < 0) return text
  const before = text.slice(0, start).replace(/\n\n$/, '\n')
  return before + text.slice(end + '\n\t}\n'.length).replace(/^\n/, before.endsWith('{\n') ? '' : '\n')
}
