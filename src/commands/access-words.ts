/** The words of a command for the access log: what was asked, as it would be typed, without anything secret. */

/** Options that name a secret or where it lies; what is recorded need not lead there. */
const SECRET = /^(?:api_?key|password|token|secret)/i
/** `isJson` is `--json`. */
const SWITCH = /^(?:is|are)([A-Z])/

export type OptionValues = { readonly [name: string]: unknown }

/** `command` with its arguments, then every option that was given, in the order of their names. */
export function accessWords(command: readonly string[], options: OptionValues): string[] {
  const words = Object.keys(options)
    .sort()
    .flatMap((name) => optionWords(name, options[name]))
  return [...command, ...words]
}

function optionWords(name: string, value: unknown): string[] {
  const option = `--${dashed(name.replace(SWITCH, (_, letter: string) => letter.toLowerCase()))}`
  if (SECRET.test(name)) return value === '' || value === undefined ? [] : [option, '(not recorded)']
  if (value === true) return [option]
  if (typeof value === 'number' || (typeof value === 'string' && value !== ''))
    return [option, withoutAccount(String(value))]
  return Array.isArray(value) ? value.flatMap((each) => [option, withoutAccount(String(each))]) : []
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** `https://user:password@es:9200`. */
function withoutAccount(text: string): string {
  return text.replace(/(\/\/)[^/@\s]*@/, '$1')
}
