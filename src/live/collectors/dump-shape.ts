/**
 * What of a command's output goes into the journal as a dump's body, by what it is. Here is the only place where the secrets of
 * `wg show all dump` are in our memory: they are cut out by column (sources/wireguard/redact.ts) before anything else.
 */
import { readChatter } from '../../sources/conntrack/chatter.ts'
import { redactRow } from '../../sources/wireguard/redact.ts'
import { CUT_LINE } from './journal.ts'

export type DumpShape = 'wireguard' | 'conntrack' | 'ruleset'

export type DumpBody = {
  /** Whole lines, latin1 as bytes. */
  readonly bytes: Buffer
  /** What is missing from it although the command ended well; '' = nothing. Never text of a row. */
  readonly flaw: string
}

/** `stdout` of a run that ended with status 0 is overwritten where it holds secrets. */
export function dumpBody(shape: DumpShape, stdout: Buffer, stderr: string): DumpBody {
  switch (shape) {
    case 'wireguard':
      return wireguardBody(stdout, stderr)
    case 'conntrack':
      return { bytes: Buffer.concat([withLineEnd(stdout), countLine(stderr)]), flaw: '' }
    case 'ruleset':
      return { bytes: withLineEnd(stdout), flaw: '' }
  }
}

/**
 * `wg show all` goes on after an interface that it cannot read, and ends with status 0 when any other could be read
 * (wireguard-tools src/show.c, show_main). Such a dump must not look as if those interfaces were gone.
 */
function wireguardBody(stdout: Buffer, stderr: string): DumpBody {
  const lines = stdout.toString('latin1').split('\n')
  stdout.fill(0)
  if (lines.at(-1) === '') lines.pop()
  let malformed = 0
  const rows = lines.map((line) => {
    const row = redactRow(line)
    if (row.kind !== 'malformed') return `${row.text}\n`
    malformed++
    return `(a row of ${row.columns} columns is left out)\n`
  })
  const isPartial = stderr.includes('Unable to access interface')
  const bytes = Buffer.from(`${rows.join('')}${isPartial ? CUT_LINE : ''}`, 'latin1')
  if (isPartial) return { bytes, flaw: 'an interface could not be read' }
  return {
    bytes,
    flaw: malformed > 0 ? `${malformed} rows have another number of columns than wg is known to print` : '',
  }
}

/** `conntrack v1.4.7 (conntrack-tools): 42 flow entries have been shown.`: with it the reader can tell that the dump is whole. */
function countLine(stderr: string): Buffer {
  const line = stderr.split('\n').find((each) => readChatter(each).kind === 'shown')
  return Buffer.from(line === undefined ? '' : `${line}\n`, 'latin1')
}

function withLineEnd(bytes: Buffer): Buffer {
  return bytes.length === 0 || bytes[bytes.length - 1] === 0x0a ? bytes : Buffer.concat([bytes, Buffer.from('\n')])
}

/**
 * What of a ruleset decides whether it is another one: everything but the numbers that count along (`counter`, quotas used, time
 * left of a set's elements), which `nft -j list ruleset` prints and a firewall in use changes all the time.
 */
export function rulesetSubstance(body: Buffer): string {
  return body.toString('latin1').replace(/"(packets|bytes|used|expires)": ?\d+/g, '"$1":0')
}
