/** The gateway's rules: everything that comes in through wg0 is logged with its verdict. */
import type { LabPlace } from './lab-place.ts'
import { PORTS } from './lab-plan.ts'

/**
 * Prefix of a rule. The lab's id is in it, because the kernel log is shared by all namespaces of the machine: the reader of the log
 * keeps only lines with it.
 */
export function logPrefix({ id }: Pick<LabPlace, 'id'>, word: string): string {
  return `PT${id} ${word} `
}

/** For `nft -f -`. */
export function rulesetText(place: LabPlace): string {
  const log = (word: string) => `log prefix "${logPrefix(place, word)}"`
  return `
table inet lab {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "wg0" tcp dport { ${PORTS.ssh}, ${PORTS.database}, ${PORTS.closed} } ${log('acc')} accept
    iifname "wg0" udp dport ${PORTS.echo} ${log('acc-udp')} accept
    iifname "wg0" icmp type echo-request ${log('acc-ping')} accept
    iifname "wg0" icmpv6 type echo-request ${log('acc-ping')} accept
    iifname "wg0" tcp dport ${PORTS.rejected} ${log('rej')} reject with tcp reset
    iifname "wg0" ${log('drp')} drop
    iifname "inner" accept
  }
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "wg0" tcp dport ${PORTS.gatewayDropped} ${log('in-drp')} drop
    iifname "wg0" tcp dport ${PORTS.gatewayRejected} ${log('in-rej')} reject with tcp reset
    iifname "wg0" icmp type echo-request ${log('in-acc')} accept
  }
}
`
}

/** The change: a rule at the top, with a prefix that no ruleset read before explains. */
export function openingRule(place: LabPlace): string {
  return `insert rule inet lab forward iifname "wg0" tcp dport ${PORTS.opened} ct state new log prefix "${logPrefix(place, 'opened')}" accept`
}
