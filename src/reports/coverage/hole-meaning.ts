/** What a hole in a source means for whoever reads a report about its time. */
import type { Place } from '../page-one/place.ts'

/** One sentence; what is said holds between the ends of the hole. */
export function meaningOf({ machine, source }: Place): string {
  switch (source) {
    case 'conntrack':
      return `connections through ${machine} are not recorded: they show as packet log lines at most, without end, bytes or outcome`
    case 'nftables':
      return `what the firewall of ${machine} allowed or denied is not recorded: denied attempts are missing, and connections may have no key`
    case 'wireguard':
      return `who held which address on ${machine} is not proved: nothing there is exact, and a key that came and went is not seen`
    case 'auditd':
      return `logins, commands and files on ${machine} are not recorded`
    default:
      return `what ${source} of ${machine} would have shown is not recorded`
  }
}
