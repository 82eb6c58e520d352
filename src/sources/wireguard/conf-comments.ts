/**
 * Who a [Peer] is, by the comments that people and set-up scripts leave in a configuration file:
 *
 *   # alice                 ### Client alice          [Peer] # alice       [Peer]
 *   [Peer]                  [Peer]                                         # Name = alice
 *
 * There is no standard; these are conventions. `Name =` wins over a free comment, a comment directly above `[Peer]` over one
 * beside or below it. A commented-out setting is not a name, and a comment that may hold a key is not even kept.
 */
import { mayHoldSecret } from './redact.ts'

/** Longest name kept, in characters. */
const NAME_LENGTH_MAX = 100

/** Words that scripts put before the name: `### Client alice`, `### begin alice ###`, `# Client: alice`. */
const LEAD = /^(?:begin_peer|begin|client|peer|user)(?:: *| +)/i
const NAME_SETTING = /^(?:name|friendly_name|friendly name)\s{0,20}[=:](.*)$/i

/** How sure a comment is to be the name, the higher wins. */
const RANKS = { none: 0, below: 1, beside: 2, above: 3, setting: 4 } as const

export type ConfComments = {
  /**
   * Takes the lines in order. `comment` begins with its `#`, null when the line has none; `line` says what else stands on it.
   * Returns the name of the peer section that holds this line when the line tells or betters it, else ''.
   */
  read(comment: string | null, line: 'nothing' | 'setting' | 'peer'): string
}

export function createConfComments(): ConfComments {
  /** What the comment lines directly above say about the section that may follow. */
  let above = { name: '', rank: 0 as number }
  let rank: number = RANKS.none
  let settings = 0

  return {
    read(comment, line) {
      const said = comment === null ? null : nameIn(comment)
      if (line === 'peer') {
        settings = 0
        rank = RANKS.none
        const candidates = [
          above,
          said === null ? null : { name: said.name, rank: said.isSetting ? RANKS.setting : RANKS.beside },
        ]
        above = { name: '', rank: RANKS.none }
        return better(candidates)
      }
      // `Name =` between or after settings: of this section when a setting or a blank line follows it.
      const own = above.rank === RANKS.setting ? above : null
      if (line === 'setting' || comment === null) above = { name: '', rank: RANKS.none }
      if (line === 'setting') {
        settings++
        return better([
          own,
          said === null ? null : { name: said.name, rank: said.isSetting ? RANKS.setting : RANKS.beside },
        ])
      }
      if (said === null) return better([comment === null ? own : null])
      const rankAbove = said.isSetting ? RANKS.setting : RANKS.above
      if (rankAbove >= above.rank) above = { name: said.name, rank: rankAbove }
      // Below the settings a free comment more likely belongs to the next section.
      if (settings > 0) return ''
      return better([{ name: said.name, rank: said.isSetting ? RANKS.setting : RANKS.below }])
    },
  }

  function better(candidates: readonly ({ name: string; rank: number } | null)[]): string {
    let name = ''
    for (const candidate of candidates) {
      if (candidate === null || candidate.name === '' || candidate.rank <= rank) continue
      rank = candidate.rank
      name = candidate.name
    }
    return name
  }
}

function nameIn(comment: string): { name: string; isSetting: boolean } | null {
  const bare = comment
    .slice(0, 1_000)
    .replace(/^[#\s]+/, '')
    .replace(/[#\s]{1,100}$/, '')
  if (mayHoldSecret(bare)) return null
  const setting = NAME_SETTING.exec(bare)
  const name = (setting === null ? bare.replace(LEAD, '') : (setting[1] ?? '')).trim()
  // A commented-out setting or section, or text that no terminal should see.
  if (setting === null && /[=[\]]/.test(name)) return null
  if (name === '' || name.length > NAME_LENGTH_MAX || /[\u0000-\u001f\u007f-\u009f]/.test(name)) return null
  return { name, isSetting: setting !== null }
}
