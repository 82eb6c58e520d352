/**
 * The remarks both conntrack decoders make: a line they could not read, and what conntrack said about itself.
 *
 * Text is kept as it stood in the file, at most TEXT_MAX characters. `arrival` is 0 here; whoever emits the remark sets it.
 */
import { MINUTE, type Micros } from '../../time.ts'
import { type Line, type Notice, type Remark, type SourceFile, TEXT_MAX } from '../source.ts'
import type { Chatter } from './chatter.ts'
import type { CollectorMark } from './collector-mark.ts'
import type { Draft } from './to-record.ts'

export type RemarkDraft = Draft<Remark>

/** Its arrival is set when the line is placed between its neighbours. */
export function unparsedRemark(reason: string, line: Line, file: SourceFile): RemarkDraft {
  return { kind: 'unparsed', arrival: 0, reason, text: line.text.slice(0, TEXT_MAX), file, offset: line.offset }
}

/**
 * The configured zone does not fit the gateway's clock. `started` is not meant: a notice has no word for wrong
 * configuration, and this is the one that claims neither loss nor silence.
 */
export function wrongZoneRemark(zone: string, zoneError: Micros, line: Line, file: SourceFile): RemarkDraft {
  const text = `configured zone ${zone}, must add ${zoneError / MINUTE} minutes: ${line.text}`
  return noticeRemark('started', 'wrong-zone', text, line, file)
}

/** What stderr said, where it went into the same file as the events; null when it says nothing about completeness. */
export function stderrRemark(chatter: Chatter, line: Line, file: SourceFile): RemarkDraft | null {
  if (chatter.kind === 'enobufs') return noticeRemark('loss', 'ENOBUFS', line.text, line, file)
  if (chatter.kind === 'buffer') return noticeRemark('started', 'conntrack', line.text, line, file)
  const isRunEnd = chatter.kind === 'shown' && chatter.what === 'events'
  return isRunEnd ? noticeRemark('stopped', 'conntrack', line.text, line, file) : null
}

/** What our own collector said about itself. */
export function markRemark({ what, reason }: CollectorMark, line: Line, file: SourceFile): RemarkDraft {
  return noticeRemark(what, reason, line.text, line, file)
}

function noticeRemark(what: Notice['what'], reason: string, text: string, line: Line, file: SourceFile): RemarkDraft {
  return { kind: 'notice', arrival: 0, what, reason, lost: 0, text: text.slice(0, TEXT_MAX), file, offset: line.offset }
}
