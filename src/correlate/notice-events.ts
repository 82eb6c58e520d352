/** What a source says about itself as a coverage document: its program started or stopped, or lost something. */
import { decodeBytes } from '../event-json.ts'
import type { Notice } from '../sources/source.ts'
import type { CoverageAction, CoverageDraft } from './coverage-events.ts'

export function noticeDraft(notice: Notice): CoverageDraft {
  const isLimit = notice.reason === 'limit'
  return {
    action: actionOf(notice),
    reason: notice.reason,
    at: notice.arrival,
    identity: `${notice.file.identity} ${notice.offset}`,
    fields: {
      'event.original': isLimit || notice.text === '' ? undefined : decodeBytes(notice.text),
      'wireguard.coverage.lost': !isLimit && notice.lost > 0 ? notice.lost : undefined,
      'wireguard.coverage.limit': isLimit ? notice.text : undefined,
      'wireguard.coverage.count': isLimit ? notice.lost : undefined,
      'wireguard.coverage.file': notice.file.name,
      'wireguard.coverage.offset': notice.offset,
    },
  }
}

function actionOf({ what, reason }: Notice): CoverageAction {
  if (what === 'loss' || reason === 'limit') return 'source-lost'
  // How far the source can be relied on: nothing is missing by it.
  if (what === 'remark') return 'source-heartbeat'
  return what === 'started' ? 'source-started' : 'source-stopped'
}
