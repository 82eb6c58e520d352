/** ATT&CK techniques (attack.mitre.org, Enterprise) that posture can leave open, each with the tactic it matters for here. */
import type { Technique } from '../finding-document.ts'

const INITIAL_ACCESS = { id: 'TA0001', name: 'Initial Access' }
const PERSISTENCE = { id: 'TA0003', name: 'Persistence' }

/** A tunnel nobody documented is a way in of its own. */
export const EXTERNAL_REMOTE_SERVICES: Technique = {
  id: 'T1133',
  name: 'External Remote Services',
  tactic: INITIAL_ACCESS,
}

/** A key that should have ended is still good. */
export const VALID_ACCOUNTS: Technique = { id: 'T1078', name: 'Valid Accounts', tactic: INITIAL_ACCESS }

/** A key added, or its AllowedIPs widened, on the gateway. */
export const ACCOUNT_MANIPULATION: Technique = { id: 'T1098', name: 'Account Manipulation', tactic: PERSISTENCE }
