/**
 * The name of a requirement out of what people write: `NET-12 database access` is NET-12. The first word counts where it looks like the
 * number of a ticket or clause; else the whole text is the name. Two texts of one number are one requirement; a guess too few leaves two
 * rows, a guess too many would hide one.
 */

/**
 * Upper case, a separator and a number (`NET-12`, `A.8.15`, `SEC/OPS-7`), the numbers of service desks (`CHG0012345`), `#123`, `12.3.4`.
 * Not `db1` or `IPv6`: those begin sentences.
 */
const ID = /^(?:[A-Z][A-Z0-9_]*(?:[-/.][A-Z0-9_]+)*[-#/.:]\d[\w./-]*|[A-Z]{2,}\d{4,}|#\d+|\d+(?:[./-]\d+)+)$/
/** Numbers that many texts begin with and that name none: dates, addresses and prefixes, `24/7`, a port, a quarter. */
const NO_ID =
  /^(?:\d{4}[-./]\d{1,2}(?:[-./]\d{1,2})?|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}|\d{1,3}(?:\.\d{1,3}){3}(?:\/\d+)?|\d+\/\d+|(?:TCP|UDP|SCTP|IPV?)[-/:.]?\d.*|[QH]\d[-/.]\d+)$/
/** Longest word that is taken for one. */
const ID_CHARS_MAX = 64

/** '' for ''. */
export function requirementId(text: string): string {
  const whole = text.trim()
  const word = (whole.split(/\s/, 1)[0] ?? '').replace(/^[[(]/, '').replace(/[\]):;,.]+$/, '')
  return word.length <= ID_CHARS_MAX && ID.test(word) && !NO_ID.test(word) ? word : whole
}
