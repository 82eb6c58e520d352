/** One JSON object a line, in printable ASCII. */
import { asciiJson } from '../ascii-json.ts'

/** `value` as one line of JSON, ended by LF. */
export function printJson(value: object): string {
  return `${asciiJson(value)}\n`
}
