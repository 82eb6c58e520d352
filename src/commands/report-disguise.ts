/** `--pseudonymise FILE`: people, devices and keys of a report by pseudonyms, in its pages and its rows. */
import type { ReportDocument } from '../reports/document/report-document.ts'
import type { EvidenceOutlet } from '../reports/pack/evidence-outlet.ts'
import type { AskedText } from '../reports/privacy/asked-texts.ts'
import { readPersonalTexts } from '../reports/privacy/personal-texts.ts'
import { MAPPING_FILE, sealMapping } from '../reports/privacy/pseudonym-mapping.ts'
import { pseudonymNote } from '../reports/privacy/pseudonym-note.ts'
import { pseudonymisedDocument } from '../reports/privacy/pseudonymised-document.ts'
import { pseudonymisedOutlet } from '../reports/privacy/pseudonymised-outlet.ts'
import { createPseudonyms } from '../reports/privacy/pseudonyms.ts'
import type { ReportPeriod } from '../reports/report-question.ts'
import type { RowOutlet } from '../reports/rows/row-outlet.ts'
import type { EventReader } from '../store/event-reader.ts'

export type Disguise = {
  /** Options of the command, as the report may show them. */
  readonly words: readonly string[]
  outlet(outlet: RowOutlet): RowOutlet
  document(document: ReportDocument): ReportDocument
  /** Writes down who is who, for those alone who have the secret. Comes last: it holds what was used. */
  keep(folder: EvidenceOutlet): Promise<void>
}

/** Options whose value says whom a report is about. */
const ASKED: ReadonlyMap<string, AskedText['kind']> = new Map([
  ['--peer', 'peer'],
  ['--address', 'peer'],
  ['--person', 'person'],
])

/** `words`: options of the command with their values, one after the other. Throws AppError of the reader. */
export async function createDisguise(
  reader: EventReader,
  period: ReportPeriod,
  secret: Buffer,
  words: readonly string[],
): Promise<Disguise> {
  const kinds = words.map((_, i) => ASKED.get(words[i - 1] ?? ''))
  const asked = words.flatMap((text, i) => {
    const kind = kinds[i]
    return kind === undefined ? [] : [{ kind, text }]
  })
  const pseudonyms = createPseudonyms(secret, await readPersonalTexts(reader, period), asked)
  return {
    // Now, so that the mapping has them too.
    words: words.map((word, i) => (kinds[i] === undefined ? pseudonyms.text(word) : pseudonyms.named(word))),
    outlet: (outlet) => pseudonymisedOutlet(outlet, pseudonyms),
    document(document) {
      const disguised = pseudonymisedDocument(document, pseudonyms)
      return { ...disguised, sections: [...disguised.sections, pseudonymNote()] }
    },
    keep: (folder) => folder.add(MAPPING_FILE, sealMapping(secret, pseudonyms.used())),
  }
}
