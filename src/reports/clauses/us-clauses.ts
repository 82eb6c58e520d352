/** NIST SP 800-53 and HIPAA. Their texts are public and were read. */
import { type Clause, clausesOf, EVERY_KIND } from './clause.ts'

const CATALOGUE = 'the statement in NIST’s own OSCAL catalogue of SP 800-53 rev. 5 (low baseline)'
const REPRINT = 'the statement of SP 800-53 rev. 5 as others reprint it, not NIST’s own copy'

export const US_CLAUSES: readonly Clause[] = [
  ...clausesOf('NIST SP 800-53 r5', [
    [
      'AC-17(1)',
      'remote access is watched and controlled by automatic means',
      'every recorded connection through the tunnels, with key, rule and outcome',
      ['access', 'incident'],
      REPRINT,
    ],
    ['AU-2', 'which kinds of events are logged is decided', 'the sources and what each shows', ['coverage'], null],
    [
      'AU-3',
      'a record says what, when, where, from where, with what outcome and who',
      'the columns of the rows: key and documented owner, resource, time, gateway, source address, outcome',
      ['access', 'incident'],
      CATALOGUE,
    ],
    [
      'AU-4',
      'room for the logs is provided for',
      'configured retention and the oldest record',
      ['coverage', 'access'],
      CATALOGUE,
    ],
    [
      'AU-5',
      'somebody is told when logging fails',
      'gaps and losses with time and reason',
      ['coverage', 'access', 'incident'],
      CATALOGUE,
    ],
    [
      'AU-6',
      'records are reviewed, and findings reported',
      'the report itself and its review block',
      EVERY_KIND,
      CATALOGUE,
    ],
    [
      'AU-7',
      'reports can be made on demand, without altering content or order of the records',
      'the same question of the same records gives the same bytes; ids of the records are kept',
      EVERY_KIND,
      REPRINT,
    ],
    [
      'AU-8',
      'records carry time stamps of system clocks, in UTC or with their offset',
      'UTC throughout; offsets of clocks as measured',
      EVERY_KIND,
      CATALOGUE,
    ],
    [
      'AU-9',
      'logs are protected from being read, changed or deleted by others',
      'the chain of the store, and what its check found',
      EVERY_KIND,
      CATALOGUE,
    ],
    ['AU-10', 'who did something can be proved', 'the key, never the person', ['incident', 'access'], null],
    [
      'AU-11',
      'records are kept for a period that is set',
      'configured retention and the oldest record',
      EVERY_KIND,
      CATALOGUE,
    ],
    [
      'AU-12',
      'the components log the chosen events, with the content of AU-3',
      'what each source delivered, and what it left out',
      ['coverage', 'access'],
      CATALOGUE,
    ],
  ]),
  ...clausesOf('HIPAA (45 CFR)', [
    [
      '164.308(a)(1)(ii)(D)',
      'logs, access reports and incident records are reviewed regularly',
      'the report itself and its review block',
      ['access', 'incident', 'review', 'coverage'],
      '45 CFR 164.308 as published by Cornell’s Legal Information Institute',
    ],
    [
      '164.308(a)(5)(ii)(C)',
      'log-in attempts are monitored, discrepancies reported',
      'login sessions on hosts, refused logins, and findings about them',
      ['access', 'incident'],
      'the rule’s text as others reprint it, not the official edition',
    ],
    [
      '164.312(b)',
      'activity in systems with health information is recorded and examined',
      'connections, logins, commands and files as recorded',
      ['access', 'incident', 'coverage'],
      'the rule’s text as others reprint it, not the official edition',
    ],
    [
      '164.312(c)(1)',
      'health information is protected from improper change or loss',
      'the chain of the store shows changes of the records about access, not of the information itself',
      ['access', 'incident'],
      'the rule’s text as others reprint it, not the official edition',
    ],
    [
      '164.312(d)',
      'who seeks access is verified',
      'the key is; that a person is the one claimed is not recorded',
      ['access', 'incident'],
      'the rule’s text as others reprint it, not the official edition',
    ],
    [
      '164.316(b)(2)(i)',
      'required documentation is kept for six years',
      'archived reports with their manifests',
      EVERY_KIND,
      '45 CFR 164.316, edition of 1 January 2008 (GPO Access)',
    ],
  ]),
]
