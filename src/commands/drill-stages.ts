/**
 * The stopwatch of a revocation drill: what one look after another at this machine says about one key. Pure: looks in, stages out. Every
 * stage lies between two looks.
 */
import type { Micros } from '../time.ts'

/** One look. `began` and `ended` are this machine's clock before and after it. */
export type Look = {
  readonly began: Micros
  readonly ended: Micros
  /** Interfaces the key runs on; a problem when `wg` could not tell: then nothing is known of this moment. */
  readonly running: readonly string[] | { readonly problem: string }
  /** Entries of conntrack from the key's addresses; a problem when nobody could tell. */
  readonly entries: number | { readonly problem: string }
  /** Stored configurations that hold the key; a problem when they could not be read. */
  readonly stored: readonly string[] | { readonly problem: string }
}

export type Stage = 'armed' | 'removed' | 'entries-gone' | 'stored-gone' | 'proved'

/** It happened after `from` and no later than `to`. */
export type Reached = { readonly stage: Stage; readonly from: Micros; readonly to: Micros }

export type DrillEvent =
  | ({ readonly kind: 'reached' } & Reached)
  /** The key is back: everything since its removal begins anew. */
  | { readonly kind: 'came-back'; readonly at: Micros }
  /** The key is gone; this is what still stands of it. Told when it changes from none to some, and by file. */
  | { readonly kind: 'left'; readonly at: Micros; readonly entries: number; readonly stored: readonly string[] }
  /** A look told nothing, the first of a row of them. */
  | { readonly kind: 'blind'; readonly at: Micros; readonly problem: string }

export type Drill = {
  /** What the look brought, in order. */
  take(look: Look): DrillEvent[]
  /** What is reached now. */
  readonly reached: ReadonlyMap<Stage, Reached>
  /** What could not be looked at in the newest look, a sentence each. */
  readonly unseen: readonly string[]
  /** Why the newest look told nothing of what runs; '' = it did. */
  readonly blind: string
  readonly isOver: boolean
}

/** Looks in a row, without a blind one between, that must show the key gone before that counts as proved. */
export const PROOF_LOOKS = 3

export function createDrill(): Drill {
  const reached = new Map<Stage, Reached>()
  let last: Look | null = null
  let clean = 0
  let blind = ''
  let unseen: readonly string[] = []
  let left = ''

  function reach(stage: Stage, from: Micros, to: Micros): DrillEvent[] {
    if (reached.has(stage)) return []
    const found = { stage, from, to }
    reached.set(stage, found)
    return [{ kind: 'reached', ...found }]
  }

  function forget(...stages: readonly Stage[]): void {
    for (const stage of stages) reached.delete(stage)
  }

  function present(look: Look): DrillEvent[] {
    const events: DrillEvent[] = reach('armed', look.began, look.ended)
    if (reached.has('removed')) events.push({ kind: 'came-back', at: look.ended })
    forget('removed', 'entries-gone', 'stored-gone')
    left = ''
    clean = 0
    return events
  }

  function absent(look: Look): DrillEvent[] {
    if (!reached.has('armed')) return []
    const from = last?.began ?? look.began
    const events = reach('removed', from, look.ended)
    const since = Math.max(from, reached.get('removed')?.from ?? from)
    const isGone = typeof look.entries === 'number' ? look.entries === 0 : null
    const isStored = 'problem' in look.stored ? null : look.stored.length > 0
    if (isGone === true) events.push(...reach('entries-gone', since, look.ended))
    else forget('entries-gone')
    if (isStored === false) events.push(...reach('stored-gone', since, look.ended))
    else forget('stored-gone')
    clean++
    const [entries, stored] = [isGone === false ? Number(look.entries) : 0, 'problem' in look.stored ? [] : look.stored]
    const now = `${entries > 0 ? 'entries' : ''} ${stored.join()}`
    if (now !== left && now !== ' ') events.push({ kind: 'left', at: look.ended, entries, stored })
    left = now
    // What cannot be looked at is said, and holds up nothing: what runs decides about access.
    if (clean >= PROOF_LOOKS && isGone !== false && isStored !== true)
      events.push(...reach('proved', look.began, look.ended))
    return events
  }

  return {
    reached,
    get unseen() {
      return unseen
    },
    get blind() {
      return blind
    },
    get isOver() {
      return reached.has('proved')
    },
    take(look) {
      unseen = [
        ...(typeof look.entries === 'number' ? [] : [`connection entries: ${look.entries.problem}`]),
        ...('problem' in look.stored ? [`stored configuration: ${look.stored.problem}`] : []),
      ]
      if ('problem' in look.running) {
        clean = 0
        const events: DrillEvent[] =
          blind !== '' ? [] : [{ kind: 'blind', at: look.ended, problem: look.running.problem }]
        blind = look.running.problem
        return events
      }
      blind = ''
      const events = look.running.length > 0 ? present(look) : absent(look)
      last = look
      return events
    },
  }
}
