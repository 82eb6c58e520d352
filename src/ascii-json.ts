/** JSON in printable ASCII: no character of a hostile name reaches a terminal raw, whoever prints the line there later. */

const BEYOND_ASCII = /[\u007f-\uffff]/g

/** `value` as JSON on one line, without LF. Outside of strings JSON is ASCII, so what is escaped stands in a string. */
export function asciiJson(value: object | string): string {
  return JSON.stringify(value).replace(
    BEYOND_ASCII,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
