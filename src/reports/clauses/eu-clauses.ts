/** NIS2 and its Implementing Regulation: public texts, of which only titles were at hand. So none of them counts as compared. */
import { type Clause, clausesOf } from './clause.ts'

export const EU_CLAUSES: readonly Clause[] = [
  ...clausesOf('NIS2, Directive (EU) 2022/2555', [
    ['Art. 21(2)(b)', 'incidents are handled', 'the story of an incident with its evidence', ['incident'], null],
    [
      'Art. 21(2)(i)',
      'access is controlled, and personnel and assets are managed',
      'who reached what; grants that were never used; keys that ended',
      ['access', 'review', 'requirements', 'revocation'],
      null,
    ],
    [
      'Art. 23',
      'significant incidents are notified, first within 24 hours, then 72',
      'evidence by key and period within minutes',
      ['incident', 'revocation', 'exposure'],
      null,
    ],
  ]),
  ...clausesOf('NIS2, Implementing Regulation (EU) 2024/2690', [
    [
      'Annex 3.2',
      'networks and systems are monitored and logged, the logs reviewed, protected and kept',
      'traffic, access, authentication, privileged access, configuration changes, start and stop of logging; the rest of its list is not recorded here',
      ['access', 'incident', 'review', 'coverage'],
      null,
    ],
    [
      'Annex 3.5',
      'incidents are answered, with evidence and records kept',
      'the story of an incident with its evidence',
      ['incident', 'revocation'],
      null,
    ],
    [
      'Annex 11.2',
      'access rights are granted, changed and withdrawn in an orderly way, and reviewed',
      'rights in use, unused and undocumented; withdrawals proved',
      ['review', 'requirements', 'revocation'],
      null,
    ],
  ]),
]
