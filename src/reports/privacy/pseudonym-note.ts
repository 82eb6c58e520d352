/** What a reader of a pseudonymised report has to know about it. */
import type { Section } from '../document/report-document.ts'

/** The last section of a pseudonymised report. */
export function pseudonymNote(): Section {
  return {
    id: 'pseudonyms',
    title: 'Pseudonyms',
    blocks: [
      {
        kind: 'note',
        tone: 'warning',
        text: 'People in this report are replaced by pseudonyms. It is still personal data: whoever has the secret can undo them, and whoever knows what somebody did and when may recognise her.',
      },
      {
        kind: 'bullets',
        items: [
          'Replaced: names and e-mails of people, names of peers, devices, accounts on hosts, public keys, tunnel addresses, endpoint addresses. The same one has the same pseudonym in every report made with the same secret.',
          'Not replaced, and possibly identifying: times, amounts and order of what was done, gateways, hosts, resources and their addresses, groups (but where an account has the same name), ports, programs, files and commands beside the names in them, numeric user ids, internal ids of records.',
          'Not recognised: a first name or nickname alone in a text that a person wrote (a requirement, a reason, a file name), and names of one or two characters, of digits alone, or that are words of this report, where they do not stand by themselves; what is written in another code, such as base64.',
          'Accounts that belong to programs (root, sshd, www-data and the like) stay legible.',
          'An address within a prefix that a peer holds is taken for that peer’s, unless it is that of a documented host or resource within a larger network.',
          'Who asked for this report is named where the report says so: that is accountability of its maker, not of those it is about.',
          'pseudonyms.json beside this report says who is meant, encrypted with the secret: peertrail report reveal DIR --key FILE.',
        ],
      },
    ],
  }
}
