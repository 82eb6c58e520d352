import { readdirSync, readFileSync } from 'node:fs'

const root = new URL('../../fixtures/nftables-packet/', import.meta.url)

export const packetCases: readonly string[] = readdirSync(root).sort()

export function fixture(name: string, file: string): string {
  return new URL(`${name}/${file}`, root).pathname
}

/** The kernel messages of a capture: what its writer put around them is taken off (see each NOTE.md). */
export function messagesOf(name: string): string[] {
  return readFileSync(fixture(name, 'input.txt'), 'latin1')
    .split('\n')
    .map((line) => (line.endsWith('$') ? line.slice(0, -1) : line))
    .map((line) => line.replace(/^(?: {2}|\[ *\d+\.\d+\] |\d+,\d+,\d+,-;)/, ''))
    .filter((line) => line !== '' && !/^#|^\(nothing|^TUNSETIFF|^[a-z\d_]+:$|^\.\.\.$/.test(line))
}
