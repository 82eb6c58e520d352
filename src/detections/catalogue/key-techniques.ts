/** ATT&CK techniques (attack.mitre.org, Enterprise) that keys show, each with the tactic it is told for here. */
import type { Technique } from '../../finding-document.ts'

const INITIAL_ACCESS = { id: 'TA0001', name: 'Initial Access' }
const PERSISTENCE = { id: 'TA0003', name: 'Persistence' }
const CREDENTIAL_ACCESS = { id: 'TA0006', name: 'Credential Access' }

/** A key that is good, in other hands or after its time. */
export const VALID_ACCOUNTS: Technique = { id: 'T1078', name: 'Valid Accounts', tactic: INITIAL_ACCESS }

/** A tunnel as the way in, or as the way back in. */
export const EXTERNAL_REMOTE_SERVICES: Technique = {
  id: 'T1133',
  name: 'External Remote Services',
  tactic: PERSISTENCE,
}

/** A sub-technique of Unsecured Credentials: a private key that was copied from a device. */
export const PRIVATE_KEYS: Technique = { id: 'T1552.004', name: 'Private Keys', tactic: CREDENTIAL_ACCESS }

/** A key that is let in, or let do more. */
export const ACCOUNT_MANIPULATION: Technique = { id: 'T1098', name: 'Account Manipulation', tactic: PERSISTENCE }
