/** Text of data inside the queries of findings. */

/** A value in double quotes, as KQL reads it. */
export function quotedValue(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
