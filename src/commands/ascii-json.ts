/** One JSON object a line, in printable ASCII: no character of a hostile name reaches a terminal raw. */

/** `value` as one line of JSON. Outside of strings JSON is ASCII, so what is escaped stands in a string. */
export function printJson(value: object): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return `${JSON.stringify(value).replace(/[\u007f-\uffff]/g, escaped)}\n`
}
