/** Which decisions are logged, on rulesets as people write them. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loggingRules } from '../../src/posture/logging-rules.ts'
import { walkLogging } from '../../src/posture/logging-walk.ts'
import { createConditionReader } from '../../src/sources/nftables/rule-condition.ts'
import type { Way } from '../../src/sources/nftables/rule-walk.ts'
import { readRulesetDocument } from '../../src/sources/nftables/ruleset-document.ts'
import { factsWith, GOOD_FACTS, gateway, hostWithoutTunnels, kinds, look, nft, ruleset } from './made-host.ts'

const IN: Way = { hook: 'forward', input: 'wg0', output: 'eth0' }
type Chains = Parameters<typeof ruleset>[0]

function decisions(chains: Chains, way: Way = IN, more: readonly object[] = []) {
  const document = ruleset(chains, more)
  return walkLogging(document, createConditionReader(document.sets), way).decisions.map(
    ({ verdict, place, logged }) => `${place}: ${verdict} ${logged}`,
  )
}

const forward = (rules: object[][], policy = 'accept') => [{ name: 'f', hook: 'forward', policy, rules }]
const { iif, oif, port, tcp, established, limit, log, accept, drop, jump } = nft

describe('decisions about new connections', () => {
  test('without any chain are accepts that nobody logs', () => {
    expect(decisions([])).toEqual(['no chain on the hook forward: accept no'])
  })

  test('are logged by their own rule, or by one before with the same or a wider condition', () => {
    expect(
      decisions(
        forward(
          [
            [established, accept],
            [iif('wg0'), port(22), log, accept],
            [port(80), accept],
            [tcp, log],
            [port(443), accept],
            [log],
          ],
          'drop',
        ),
      ),
    ).toEqual([
      'inet t f handle 2: accept yes',
      'inet t f handle 3: accept no',
      'inet t f handle 5: accept yes',
      'inet t f policy drop: drop yes',
    ])
  })

  test('are not logged by a log behind another condition, or on another interface', () => {
    expect(decisions(forward([[port(22), log], [port(23), drop], [iif('wg1'), log], [drop]]))).toEqual([
      'inet t f handle 2: drop no',
      'inet t f handle 4: drop no',
    ])
  })

  test('refused before the log rule are told', () => {
    expect(decisions(forward([[port(25), drop], [log], [drop]]))).toEqual([
      'inet t f handle 1: drop no',
      'inet t f handle 3: drop yes',
    ])
  })

  test('behind a rate limit are logged in part; the rule that refuses behind its own limit is logged whole', () => {
    expect(
      decisions(
        forward(
          [
            [limit, log],
            [port(22), accept],
            [port(80), limit, log, drop],
          ],
          'drop',
        ),
      ),
    ).toEqual([
      'inet t f handle 2: accept limited',
      'inet t f handle 3: drop yes',
      'inet t f policy drop: drop limited',
    ])
  })

  test('in chains that are jumped to keep what is known of the packet', () => {
    const chains = [
      ...forward([
        [iif('wg0'), port(22), jump('ssh')],
        [log, drop],
      ]),
      { name: 'ssh', rules: [[log], [accept]] },
    ]
    expect(decisions(chains)).toEqual(['inet t ssh handle 4: accept yes', 'inet t f handle 2: drop yes'])
  })

  test('of verdict maps go by interface and state where these are the key', () => {
    const states = {
      set: [
        ['established', { accept: null }],
        ['new', { jump: { target: 'fresh' } }],
      ],
    }
    const ports = {
      set: [
        [22, { accept: null }],
        [23, { drop: null }],
      ],
    }
    const chains = [
      ...forward([[{ vmap: { key: { ct: { key: 'state' } }, data: states } }]], 'drop'),
      {
        name: 'fresh',
        rules: [
          [{ vmap: { key: { payload: { protocol: 'tcp', field: 'dport' } }, data: ports } }],
          [{ vmap: { key: { meta: { key: 'iifname' } }, data: { set: [['wg0', { goto: { target: 'wg' } }]] } } }],
        ],
      },
      { name: 'wg', rules: [[log, drop]] },
    ]
    expect(decisions(chains)).toEqual([
      'inet t fresh handle 2: accept no',
      'inet t fresh handle 2: drop no',
      'inet t wg handle 4: drop yes',
    ])
  })

  test('of a later base chain count for an accept, in order of priority; a drop is logged before it or not at all', () => {
    const chains = [
      { name: 'late', hook: 'forward', prio: 10, rules: [[log]] },
      { name: 'early', hook: 'forward', prio: 0, policy: 'accept', rules: [[port(22), drop]] },
    ]
    expect(decisions(chains)).toEqual([
      'inet t early handle 2: drop no',
      'inet t early policy accept: accept yes',
      'inet t late policy accept: accept yes',
    ])
  })

  test('cannot be reached behind conditions that exclude each other', () => {
    const chains = [
      ...forward([
        [port(22), jump('x')],
        [log, accept],
      ]),
      { name: 'x', rules: [[port(23), drop]] },
    ]
    expect(decisions(chains)).toEqual(['inet t f handle 2: accept yes'])
  })

  test('by what the listing does not show are left open, unless they are logged anyway', () => {
    const hidden = { xt: { type: 'match', name: 'conntrack' } }
    const document = ruleset(
      forward([
        [hidden, accept],
        [{ xt: null }, drop],
        [{ xt: { type: 'match', name: 'comment' } }, port(22), accept],
        [{ xt: { type: 'target', name: 'LOG' } }],
        [hidden, accept],
        [{ queue: { num: 1 } }],
        [drop],
      ]),
    )
    const result = walkLogging(document, createConditionReader(document.sets), IN)
    expect(result.hidden).toEqual(['inet t f handle 6', 'inet t f handle 1', 'inet t f handle 2'])
    expect(result.decisions.map(({ place, logged }) => `${place} ${logged}`)).toEqual([
      'inet t f handle 3 no',
      'inet t f handle 5 yes',
    ])
  })

  test('are left open by a log behind what the listing does not show', () => {
    const hidden = { xt: { type: 'match', name: 'limit' } }
    const document = ruleset(forward([[hidden, { xt: { type: 'target', name: 'LOG' } }]], 'drop'))
    const result = walkLogging(document, createConditionReader(document.sets), IN)
    expect(result).toMatchObject({ decisions: [], hidden: ['inet t f policy drop'] })
    const [told] = look(loggingRules, gateway({ ruleset: document }))
    expect(told?.kind).toBe('finding')
    expect(kinds(loggingRules, gateway({ ruleset: document })).at(-1)).toBe('not-checked')
  })

  test('of iptables-nft refuse by a target of their own', () => {
    expect(decisions(forward([[{ xt: { type: 'target', name: 'REJECT' } }]]))).toEqual(['inet t f handle 1: drop no'])
  })

  test('behind jumps in a circle end', () => {
    const chains = [...forward([[jump('a')]]), { name: 'a', rules: [[jump('b')]] }, { name: 'b', rules: [[jump('a')]] }]
    const document = ruleset(chains)
    expect(walkLogging(document, createConditionReader(document.sets), IN).isCutShort).toBe(true)
  })
})

describe('logging-rules', () => {
  const logsAll = ['input', 'forward', 'output'].map((hook) => ({
    name: hook,
    hook,
    rules: [[established, accept], [log]],
  }))

  test('is quiet where every way is logged', () => {
    expect(kinds(loggingRules, gateway({ ruleset: ruleset(logsAll) }))).toEqual(['passed'])
  })

  test('fires for a way that nobody logs, and says which', () => {
    const [result] = look(loggingRules, gateway({ ruleset: ruleset(logsAll.slice(0, 2)) }))
    expect(result).toMatchObject({
      kind: 'finding',
      subject: 'wg0 accept',
      severity: 2,
      evidence: ['from the gateway itself to peers (output): no chain on the hook output'],
      about: { 'wireguard.interface.name': 'wg0' },
    })
    expect(kinds(loggingRules, gateway({ ruleset: ruleset(logsAll.slice(1)) }))).toEqual(['finding 3 wg0 accept'])
  })

  test('asks for IPv6 where peers have it: tables of family ip do not see it', () => {
    const text = JSON.stringify({
      nftables: ['input', 'forward', 'output'].flatMap((hook) => [
        { chain: { family: 'ip', table: 't', name: hook, hook, policy: 'accept', prio: 0, type: 'filter' } },
        { rule: { family: 'ip', table: 't', chain: hook, handle: 1, expr: [log] } },
      ]),
    })
    const document = readRulesetDocument(text)
    if ('problem' in document) throw new Error(document.problem)
    const machine = gateway({ ruleset: document })
    expect(kinds(loggingRules, machine)).toEqual(['passed'])
    const conf = { listenPort: 1, addresses: [], hasPrivateKey: true, problems: [] }
    const peers = [{ publicKey: '', allowedIps: ['fd08::2/128'], hasPresharedKey: false, name: '', line: 1 }]
    const stored = new Map([['wg0', { file: '/etc/wireguard/wg0.conf', conf: { ...conf, peers } }]])
    const [result] = look(loggingRules, { ...machine, stored })
    expect(result).toMatchObject({ subject: 'wg0 accept', severity: 3 })
    expect(result?.kind === 'finding' ? result.evidence : []).toContain(
      'from peers to the gateway itself (input): no chain for IPv6 on the hook input',
    )
  })

  test('looks from tunnel to tunnel apart', () => {
    const isolated = [
      { name: 'input', hook: 'input', rules: [[log]] },
      { name: 'output', hook: 'output', rules: [[log]] },
      { name: 'forward', hook: 'forward', rules: [[iif('wg0'), oif('wg0'), drop], [log]] },
    ]
    const [result] = look(loggingRules, gateway({ ruleset: ruleset(isolated) }))
    expect(result).toMatchObject({
      subject: 'wg0 drop',
      evidence: ['from peers to peers (forward, tunnel to tunnel): inet t forward handle 3'],
    })
  })

  test('does not go by the links of another network namespace', () => {
    const facts = factsWith({ links: [{ name: 'eth7', index: 2, kind: 'ethernet' }] })
    const chains = [
      ...logsAll.filter(({ hook }) => hook !== 'forward'),
      { name: 'f', hook: 'forward', rules: [[iif('lan0'), oif('wg0'), drop], [log]] },
    ]
    expect(kinds(loggingRules, gateway({ ruleset: ruleset(chains), facts }))).toEqual(['finding 2 wg0 drop'])
    expect(kinds(loggingRules, gateway({ ruleset: ruleset(chains) }))).toEqual(['passed'])
  })

  test('fires for rate limits', () => {
    const chains = logsAll.map((chain) => ({ ...chain, rules: [[limit, log]] }))
    expect(kinds(loggingRules, gateway({ ruleset: ruleset(chains) }))).toEqual(['finding 2 wg0 limited'])
  })

  test('asks a machine that forwards nothing for its own packets only', () => {
    const sysctls = { ...GOOD_FACTS.sysctls, 'net.ipv4.ip_forward': '0', 'net.ipv6.conf.all.forwarding': '0' }
    const own = ruleset(logsAll.filter(({ hook }) => hook !== 'forward'))
    expect(kinds(loggingRules, gateway({ ruleset: own, facts: factsWith({ sysctls }) }))).toEqual(['passed'])
    expect(kinds(loggingRules, gateway({ ruleset: own }))).toEqual(['finding 3 wg0 accept'])
  })

  test('finds the shipped rules in order', () => {
    const path = fileURLToPath(new URL('../fixtures/doctor/shipped.ruleset.json', import.meta.url))
    const document = readRulesetDocument(readFileSync(path, 'utf8'))
    if ('problem' in document) throw new Error(document.problem)
    expect(kinds(loggingRules, gateway({ ruleset: document, facts: null }))).toEqual(['passed'])
  })

  test('is not checked without a ruleset, and asks nothing of a machine without WireGuard', () => {
    expect(kinds(loggingRules, gateway())).toEqual(['not-checked'])
    expect(kinds(loggingRules, hostWithoutTunnels({ ruleset: ruleset([]) }))).toEqual([])
  })
})
