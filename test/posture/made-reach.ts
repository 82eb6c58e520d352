/** A gateway with rules for the posture of reach: gw1 of made-gateway.ts, a catalogue, a policy, and rulesets of one forward chain. */
import type { Inventory } from '../../src/identity/inventory.ts'
import { type RulesetDocument, readRulesetDocument } from '../../src/sources/nftables/ruleset-document.ts'
import { accept, document, dport, type Json, payload, type Rule, state } from '../sources/nftables/rulesets.ts'
import { INVENTORY, madeInventory } from './made-gateway.ts'

/** Staff (ivy) may reach books; nobody is granted the vault. */
export const CATALOGUE = `resources:
  - { name: books, addresses: [172.16.0.0/24], ports: [tcp/443], classification: internal }
  - { name: vault, addresses: [172.16.0.9], ports: [tcp/22], owner: safe@example.com, classification: restricted }
  - { name: mail, addresses: [172.16.0.7, "fd16::7"], classification: public }
policy:
  - { groups: [staff], resources: [books] }
`

export function reachInventory(change: (text: string) => string = (text) => text): Inventory {
  return madeInventory(change(`${INVENTORY.slice(0, INVENTORY.indexOf('resources:'))}${CATALOGUE}`))
}

export function madeRuleset(
  rules: readonly Rule[],
  policy = 'drop',
  more: Readonly<Record<string, Rule[]>> = {},
): RulesetDocument {
  const chains = {
    forward: { hook: 'forward', policy, rules: [[state(['established', 'related']), accept], ...rules] },
    input: { hook: 'input', policy: 'drop', rules: [] },
    ...Object.fromEntries(Object.entries(more).map(([name, own]) => [name, { rules: own }])),
  }
  const read = readRulesetDocument(document(chains))
  if ('problem' in read) throw new Error(read.problem)
  return read
}

/** From the source to the service. */
export function allow(source: Json, destination: Json, port: Json): Rule {
  return [payload('ip', 'saddr', source), payload('ip', 'daddr', destination), dport(port), accept]
}
