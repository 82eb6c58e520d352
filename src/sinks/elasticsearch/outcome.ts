/** What became of one document of a bulk request, by the server's answer for it (elastic.md 2.3). */
import type { BulkItem } from './bulk-answer.ts'

export type Outcome =
  /** Searchable from the next refresh on. */
  | 'created'
  /** A document with this id is there already. */
  | 'duplicate'
  /** Kept in the failure store: no search shows it. */
  | 'failure-stored'
  /** A point of a time series that no backing index takes any more, or not yet. */
  | 'outside-time-bounds'
  /** The cluster has more to do than it can, or its disks are full: later. */
  | 'back-pressure'
  /** A shard is missing, a node is leaving: later. */
  | 'transient'
  /** This document will never be accepted as it is. */
  | 'poison'
  /** The stream is not installed, or only in part. */
  | 'setup-missing'
  /** The credentials are wrong or may not write there. */
  | 'refused'

/** Whether the document is safe: it need not be sent again. */
export function isAccepted(outcome: Outcome): boolean {
  return outcome === 'created' || outcome === 'duplicate' || outcome === 'failure-stored'
}

/** Total: every status there may be has an outcome. */
export function outcomeOf(item: BulkItem): Outcome {
  const { status, type } = item
  if (status >= 200 && status < 300) return item.failureStore === 'used' ? 'failure-stored' : 'created'
  // Blocks come as 429 (flood stage), 403 (write block, read-only) and 503 (no master): none of them is about who writes what.
  if (type === 'cluster_block_exception') return status >= 500 ? 'transient' : 'back-pressure'
  if (status === 429) return 'back-pressure'
  if (status === 408 || status >= 500) return 'transient'
  if (status === 401 || status === 403) return 'refused'
  // Also what a stream's name says that is a plain index (`require_data_stream`): 404 resource_not_found_exception.
  if (status === 404) return 'setup-missing'
  if (status === 409 && (type === 'version_conflict_engine_exception' || type === '')) return 'duplicate'
  if (status >= 400) return outcomeOfRefusal(item)
  return 'transient'
}

/** 400 is said of documents, but also of what stands around them. */
function outcomeOfRefusal({ type, reason }: BulkItem): Outcome {
  if (type === 'timestamp_error' || reason.includes('outside of ranges of currently writable indices'))
    return 'outside-time-bounds'
  if (/^no write index is defined for alias|^pipeline with id \[[^\]]*\] does not exist/.test(reason))
    return 'setup-missing'
  // A new backing index would exceed cluster.max_shards_per_node.
  if (type === 'validation_exception' && /maximum [\w ]*shards open/.test(reason)) return 'transient'
  return 'poison'
}
