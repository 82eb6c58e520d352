/** conntrack.log as written with fewer options, or with events of some kinds not asked for. Evidence shrinks with it. */
import { type CaptureCase, edit, reviseEvidence } from './case.ts'

const LOG = /\/conntrack\.log/

/** Without `-o id`. */
export function stripIds(one: CaptureCase): void {
  edit(one, LOG, (text) => text.replace(/ id=\d+(?=\s|$)/gm, ''))
}

/** Without `-o extended`: no family in front of the protocol. */
export function stripExtended(one: CaptureCase): void {
  edit(one, LOG, (text) => text.replace(/\] ipv[46] +\d+ /g, '] '))
}

/** With nf_conntrack_acct=0. */
export function stripCounters(one: CaptureCase): void {
  edit(one, LOG, (text) => text.replace(/ (packets|bytes)=\d+/g, ''))
  reviseEvidence(one, (proof) => proof.delete('conntrack_bytes'))
}

export function withoutEvents(one: CaptureCase, kind: 'NEW' | 'UPDATE' | 'DESTROY'): void {
  edit(one, LOG, (text) =>
    text
      .split('\n')
      .filter((line) => !line.includes(`[${kind}]`))
      .join('\n'),
  )
  // How many lines a run had no longer agrees with what conntrack said of itself.
  edit(one, /conntrack\.stderr$/, (text) => text.replace(/^.*events have been shown.*\n/gm, ''))
  if (kind === 'UPDATE') return
  reviseEvidence(one, (proof) => proof.set(kind === 'NEW' ? 'has_conntrack_new' : 'has_conntrack_destroy', false))
}

/** With nf_conntrack_timestamp=0: nothing tells how long a flow was there. */
export function stripDeltas(one: CaptureCase): void {
  edit(one, LOG, (text) => text.replace(/ delta-time=\d+/g, ''))
}

/** `-o ktimestamp`: start and stop, in whole seconds of local time, behind delta-time. */
export function addKernelTimes(one: CaptureCase, offsetMinutes: number): void {
  edit(one, LOG, (text) =>
    text.replace(/^(\[(\d+)\..*) delta-time=(\d+)/gm, (_, head: string, epoch: string, delta: string) => {
      const stop = Number(epoch) + offsetMinutes * 60
      return `${head} delta-time=${delta} [start=${ctime(stop - Number(delta))}] [stop=${ctime(stop)}]`
    }),
  )
}

/** `Sun Nov 22 15:09:29 2026`, of UTC. */
function ctime(seconds: number): string {
  const [day = '', date = '', month = '', year = ''] = new Date(seconds * 1000).toUTCString().split(/,? /)
  return `${day} ${month} ${date.replace(/^0/, ' ')} ${new Date(seconds * 1000).toISOString().slice(11, 19)} ${year}`
}
