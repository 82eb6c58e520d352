/** The same lines in other files: compressed, rotated into many parts, under other names. */
import { type CaptureCase, remove, rename } from './case.ts'

/** Every log of a host with `.gz` behind its name. */
export function compressAll(one: CaptureCase): void {
  rename(one, (name) => (/\/(kern|conntrack|audit)\.log(\.\d+)?$|wg\.snapshots$/.test(name) ? `${name}.gz` : ''))
}

/** All lines of a family of files, oldest first. */
export function joined(one: CaptureCase, base: string): string {
  const names = [...one.files.keys()].filter((name) => name === base || name.startsWith(`${base}.`))
  const age = (name: string) => Number(/\.(\d+)$/.exec(name)?.[1] ?? 0)
  return names
    .sort((a, b) => age(b) - age(a))
    .map((name) => one.files.get(name) ?? '')
    .join('')
}

/** Cut into `count` files of as many lines each, the oldest with the highest number; all but the newest two compressed. */
export function rotate(
  one: CaptureCase,
  base: string,
  count: number,
  atLine: (line: string) => boolean = () => true,
): void {
  const lines = joined(one, base).split(/(?<=\n)/)
  remove(one, new RegExp(`^${base.replaceAll('.', '\\.')}(\\.\\d+)?$`))
  const parts: string[][] = [[]]
  for (const line of lines) {
    const isFull = (parts.at(-1)?.length ?? 0) >= lines.length / count
    if (isFull && atLine(line)) parts.push([])
    parts.at(-1)?.push(line)
  }
  for (const [index, part] of parts.entries()) {
    const age = parts.length - 1 - index
    const suffix = age === 0 ? '' : age === 1 ? '.1' : `.${age}.gz`
    one.files.set(`${base}${suffix}`, part.join(''))
  }
}

/** Red Hat's names: `messages`, and `messages-20261120` from dateext. */
export function asMessages(one: CaptureCase, host: string): void {
  const dates = ['', '-20261121', '-20261120', '-20261119']
  rename(one, (name) => {
    const age = new RegExp(`^${host}/kern\\.log(?:\\.(\\d+))?$`).exec(name)
    return age === null ? '' : `${host}/messages${dates[Number(age[1] ?? 0)]}`
  })
}
