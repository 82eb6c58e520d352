/**
 * Techniques of MITRE ATT&CK (Enterprise) that a rule over our documents may name by id alone: what shows on a network, in logins and in
 * audit events of Linux hosts. A rule gives name and tactic of any other one itself: nothing is looked up while it is read.
 */
import type { Technique } from '../../finding-document.ts'

/** All tactics of the Enterprise matrix. */
const TACTICS: ReadonlyMap<string, string> = new Map([
  ['TA0043', 'Reconnaissance'],
  ['TA0042', 'Resource Development'],
  ['TA0001', 'Initial Access'],
  ['TA0002', 'Execution'],
  ['TA0003', 'Persistence'],
  ['TA0004', 'Privilege Escalation'],
  ['TA0005', 'Defense Evasion'],
  ['TA0006', 'Credential Access'],
  ['TA0007', 'Discovery'],
  ['TA0008', 'Lateral Movement'],
  ['TA0009', 'Collection'],
  ['TA0011', 'Command and Control'],
  ['TA0010', 'Exfiltration'],
  ['TA0040', 'Impact'],
])

/** By tactic: the one named first where a technique serves several. */
const BY_TACTIC: Readonly<Record<string, readonly string[]>> = {
  TA0043: ['T1595 Active Scanning', 'T1595.001 Scanning IP Blocks', 'T1595.002 Vulnerability Scanning'],
  TA0001: [
    'T1078 Valid Accounts',
    'T1078.001 Default Accounts',
    'T1078.002 Domain Accounts',
    'T1078.003 Local Accounts',
    'T1133 External Remote Services',
    'T1190 Exploit Public-Facing Application',
    'T1199 Trusted Relationship',
  ],
  TA0002: [
    'T1053 Scheduled Task/Job',
    'T1053.002 At',
    'T1053.003 Cron',
    'T1053.006 Systemd Timers',
    'T1059 Command and Scripting Interpreter',
    'T1059.004 Unix Shell',
    'T1059.006 Python',
    'T1569 System Services',
  ],
  TA0003: [
    'T1098 Account Manipulation',
    'T1098.004 SSH Authorized Keys',
    'T1136 Create Account',
    'T1136.001 Local Account',
    'T1505 Server Software Component',
    'T1505.003 Web Shell',
    'T1543 Create or Modify System Process',
    'T1543.002 Systemd Service',
    'T1546 Event Triggered Execution',
    'T1546.004 Unix Shell Configuration Modification',
    'T1556 Modify Authentication Process',
    'T1556.003 Pluggable Authentication Modules',
  ],
  TA0004: [
    'T1068 Exploitation for Privilege Escalation',
    'T1548 Abuse Elevation Control Mechanism',
    'T1548.001 Setuid and Setgid',
    'T1548.003 Sudo and Sudo Caching',
  ],
  TA0005: [
    'T1014 Rootkit',
    'T1027 Obfuscated Files or Information',
    'T1036 Masquerading',
    'T1070 Indicator Removal',
    'T1070.002 Clear Linux or Mac System Logs',
    'T1070.003 Clear Command History',
    'T1070.004 File Deletion',
    'T1070.006 Timestomp',
    'T1222 File and Directory Permissions Modification',
    'T1222.002 Linux and Mac File and Directory Permissions Modification',
    'T1562 Impair Defenses',
    'T1562.001 Disable or Modify Tools',
    'T1562.004 Disable or Modify System Firewall',
    'T1562.006 Indicator Blocking',
    'T1562.012 Disable or Modify Linux Audit System',
    'T1599 Network Boundary Bridging',
  ],
  TA0006: [
    'T1003 OS Credential Dumping',
    'T1003.008 /etc/passwd and /etc/shadow',
    'T1040 Network Sniffing',
    'T1110 Brute Force',
    'T1110.001 Password Guessing',
    'T1110.003 Password Spraying',
    'T1110.004 Credential Stuffing',
    'T1552 Unsecured Credentials',
    'T1552.001 Credentials In Files',
    'T1552.003 Bash History',
    'T1552.004 Private Keys',
    'T1557 Adversary-in-the-Middle',
  ],
  TA0007: [
    'T1016 System Network Configuration Discovery',
    'T1018 Remote System Discovery',
    'T1033 System Owner/User Discovery',
    'T1046 Network Service Discovery',
    'T1049 System Network Connections Discovery',
    'T1057 Process Discovery',
    'T1069 Permission Groups Discovery',
    'T1082 System Information Discovery',
    'T1083 File and Directory Discovery',
    'T1087 Account Discovery',
    'T1087.001 Local Account',
    'T1135 Network Share Discovery',
  ],
  TA0008: [
    'T1021 Remote Services',
    'T1021.001 Remote Desktop Protocol',
    'T1021.002 SMB/Windows Admin Shares',
    'T1021.004 SSH',
    'T1021.005 VNC',
    'T1210 Exploitation of Remote Services',
    'T1563 Remote Service Session Hijacking',
    'T1563.001 SSH Hijacking',
    'T1570 Lateral Tool Transfer',
  ],
  TA0009: [
    'T1005 Data from Local System',
    'T1039 Data from Network Shared Drive',
    'T1213 Data from Information Repositories',
    'T1560 Archive Collected Data',
  ],
  TA0011: [
    'T1071 Application Layer Protocol',
    'T1071.001 Web Protocols',
    'T1071.004 DNS',
    'T1090 Proxy',
    'T1090.001 Internal Proxy',
    'T1090.003 Multi-hop Proxy',
    'T1095 Non-Application Layer Protocol',
    'T1105 Ingress Tool Transfer',
    'T1205 Traffic Signaling',
    'T1205.001 Port Knocking',
    'T1219 Remote Access Tools',
    'T1571 Non-Standard Port',
    'T1572 Protocol Tunneling',
    'T1573 Encrypted Channel',
  ],
  TA0010: [
    'T1020 Automated Exfiltration',
    'T1030 Data Transfer Size Limits',
    'T1041 Exfiltration Over C2 Channel',
    'T1048 Exfiltration Over Alternative Protocol',
    'T1048.001 Exfiltration Over Symmetric Encrypted Non-C2 Protocol',
    'T1048.002 Exfiltration Over Asymmetric Encrypted Non-C2 Protocol',
    'T1048.003 Exfiltration Over Unencrypted Non-C2 Protocol',
    'T1567 Exfiltration Over Web Service',
  ],
  TA0040: [
    'T1485 Data Destruction',
    'T1486 Data Encrypted for Impact',
    'T1489 Service Stop',
    'T1490 Inhibit System Recovery',
    'T1496 Resource Hijacking',
    'T1498 Network Denial of Service',
    'T1499 Endpoint Denial of Service',
    'T1529 System Shutdown/Reboot',
    'T1531 Account Access Removal',
  ],
}

const TECHNIQUES: ReadonlyMap<string, Technique> = new Map(
  Object.entries(BY_TACTIC).flatMap(([tactic, lines]) =>
    lines.map((line) => {
      const blank = line.indexOf(' ')
      const id = line.slice(0, blank)
      return [id, { id, name: line.slice(blank + 1), tactic: { id: tactic, name: TACTICS.get(tactic) ?? '' } }] as const
    }),
  ),
)

export const TECHNIQUE_ID = /^T\d{4}(?:\.\d{3})?$/

/** Ids that a rule may name without more, for hints. */
export const TECHNIQUE_IDS: readonly string[] = [...TECHNIQUES.keys()]

/** Null for one that this list does not have. */
export function techniqueOf(id: string): Technique | null {
  return TECHNIQUES.get(id) ?? null
}

/** Name of a tactic such as `TA0008`; null for what is none. */
export function tacticName(id: string): string | null {
  return TACTICS.get(id) ?? null
}
