/** Inventories and running interfaces written short, for tests of the inventory diff. */
import { type Inventory, parseInventory } from '../../src/identity/inventory.ts'
import type { RunningInterface, RunningPeer } from '../../src/identity/inventory-diff.ts'
import { parseInstant } from '../../src/quantities.ts'
import { SECOND } from '../../src/time.ts'

/** Sunday noon. */
export const NOW = parseInstant('2026-11-22T12:00:00Z') ?? 0
/** A public key, from a letter of base64. */
export const keyOf = (letter: string) => `${letter.repeat(42)}A=`
/** A running peer that shook hands a minute ago. */
export function peer(publicKey: string, ...allowedIps: string[]): RunningPeer {
  return { publicKey, allowedIps, lastHandshake: NOW - 60 * SECOND }
}

/** wg0 of gw1. */
export function wg0(...peers: RunningPeer[]): RunningInterface {
  return { gateway: 'gw1', interface: 'wg0', publicKey: keyOf('i'), peers }
}

/** An inventory of gw1 and gw2, each with wg0; Alice is there, Bob left in July. */
export function inventoryOf(peers: string, more = ''): Inventory {
  const text = `version: 1
people:
  - { email: alice@example.com, name: Alice }
  - { email: bob@example.com, name: Bob, until: 2026-07-01 }
gateways: [{ name: gw1, interfaces: [wg0] }, { name: gw2, interfaces: [wg0] }]
${peers === '' ? '' : `peers:\n${peers}`}
${more}`
  return parseInventory(text, 'inventory.yaml')
}

/** One peer on gw1 wg0 with Alice as owner, unless `parts` say otherwise. */
export function peerText(name: string, parts: { readonly [key: string]: string }): string {
  const all: { [key: string]: string } = {
    name: JSON.stringify(name),
    kind: 'device',
    owner: 'alice@example.com',
    gateway: 'gw1',
    interface: 'wg0',
    ...parts,
  }
  const members = Object.entries(all).filter(([, value]) => value !== '')
  return `  - { ${members.map(([key, value]) => `${key}: ${value}`).join(', ')} }`
}

/** An entry of `keys`. */
export const key = (publicKey: string, dates = '') =>
  `{ public_key: "${publicKey}"${dates === '' ? '' : `, ${dates}`} }`
