/**
 * NETFILTER_CFG, one for each commit and table: `table=filter:48 family=1 entries=1 op=nft_register_rule pid=5265 comm="nft"`.
 *
 * Authority: kernel/auditsc.c __audit_log_nfcfg; net/netfilter/nf_tables_api.c puts the generation behind the table's name,
 * x_tables does not. Trap (formats.md 3.8, 2): a table may be called anything, unquoted, by any user with a namespace of its
 * own; `table=x family=2 op=forged pid=1 type=USER_LOGIN …` is a name. So the record is read from its end, where every field
 * is a word, and the rest is the name. Who did it stands in the SYSCALL record of the event.
 */
import { decodeBytes } from '../../event-json.ts'
import { decodedText, idOf } from './encoding.ts'
import type { NetfilterChange } from './facts.ts'

const START = 'table='
/** AppArmor's label has its mode as a second word: `subj=docker-default (enforce)`. */
const TAIL =
  / family=(\d{1,5}) entries=(\d{1,10}) op=(\S+) pid=(\d{1,10})(?: subj=\S+(?: \(\w+\))?)? comm=("[^" ]*"|[0-9A-F]+)$/
const GENERATION = /:\d+$/

/** The change; null when the record does not end as the kernel ends it: cut short (a line feed in the name), or another kernel's. */
export function readNetfilterChange(body: string): NetfilterChange | null {
  const tail = body.startsWith(START) ? TAIL.exec(body) : null
  if (tail === null) return null
  const [, family = '', entries = '', op = '', pid = '', comm = ''] = tail
  const name = body.slice(START.length, tail.index)
  return {
    table: decodeBytes(op.startsWith('nft_') ? name.replace(GENERATION, '') : name),
    family: Number(family),
    entries: Number(entries),
    op: decodeBytes(op),
    pid: idOf(pid),
    comm: decodedText(comm),
  }
}
