import { plural } from '../../lib/i18n';
import type { IncidentDetail, Phase } from '../../lib/types';

/** What Everthread is doing about it, by phase and what there is to do. */
function doing(phase: Phase, counts: IncidentDetail['counts'] | undefined): string {
  switch (phase) {
    case 'suspect':
      return 'Being checked; what would go out there waits.';
    case 'recovering':
      return 'What waited goes out, slowly at first.';
    case 'closed':
      return 'It is over.';
    case 'confirmed':
      if (counts?.suggested)
        return plural(counts.suggested, {
          one: 'One conversation can go on elsewhere: it needs your word.',
          other: '# conversations can go on elsewhere: they need your word.',
        });
      return 'Conversations go on elsewhere where allowed; the others wait.';
  }
}

export const words = {
  incidents: 'Incidents',
  phases: {
    suspect: 'Suspected',
    confirmed: 'Confirmed',
    recovering: 'Recovering',
    closed: 'Over',
  } satisfies Record<Phase, string>,
  since: (at: string) => `since ${at}`,
  doing,
  carried: (n: number) => plural(n, { one: '# carried on', other: '# carried on' }),
  waiting: (n: number) => plural(n, { one: '# message waits', other: '# messages wait' }),
  simulated: 'Simulated',
  dial: (times: number) => `judged ${Math.round(times)} times faster`,
  details: 'What is going on',
  approve: 'Look and approve',
  more: (n: number) => plural(n, { one: 'One more incident', other: '# more incidents' }),
  appeared: (headline: string, phase: string) => `${phase}: ${headline}`,

  title: 'Continuity',
  text: 'Whether each channel works, what happens when one fails, and what happened.',
  tabs: { health: 'Channel health', incidents: 'Incidents', policy: 'Policy', sandbox: 'Sandbox' },
  declare: 'Declare an incident',

  loadingHealth: 'Loading channel health',
  noAccounts: 'No channels yet',
  noAccountsText: 'Connect an account, and it is watched from then on.',
  directions: { send: 'Sending', auth: 'Sign-in', delivery: 'Delivery' } as Record<string, string>,
  states: {
    healthy: 'works',
    suspect: 'looks broken',
    confirmed: 'down',
    recovering: 'coming back',
    unknown: 'not looked at yet',
  } as Record<string, string>,
  gates: {
    open: 'Messages go out',
    hold: 'Messages wait while it is checked',
    carry: 'Conversations go on elsewhere',
    ramp: 'Messages go out, slowly at first',
  } as Record<string, string>,
  stopped: (why: string) => `Stopped: ${why}`,
  probes: {
    edge: 'Servers answer',
    token: 'Sign-in accepted',
    messaging: 'Takes messages',
  } as Record<string, string>,
  probed: 'Last checks',
  notProbed: 'Not checked yet: the first check comes within two minutes.',
  noProbe: 'Nothing to check: it runs inside Everthread.',
  ago: (span: string) => `${span} ago`,
  incident: (n: number) => `Incident ${n}`,

  loadingIncidents: 'Loading incidents',
  openNow: 'Now',
  before: 'Before',
  quiet: 'Nothing is down',
  quietText: 'Every channel is checked at least every two minutes.',
  noneBefore: 'No incident so far',
  noneBeforeText: 'When a channel fails, its story is kept here.',
  lasted: (span: string) => `lasted ${span}`,
  going: (span: string) => `for ${span}`,

  loadingIncident: 'Loading the incident',
  back: 'All incidents',
  dismiss: 'Dismiss',
  dismissTitle: 'Dismiss this incident?',
  dismissText:
    'What it holds goes out at once over its own channel, and the same signs open no new incident for half an hour.',
  dismissReason: 'Why (colleagues see it on the timeline)',
  dismissPlaceholder: 'The platform’s status page says it is fixed',
  dismissed: 'The incident was dismissed',
  notDismissed: 'It was not dismissed',
  keep: 'Keep it',
  sure: 'What it is, as far as we can tell',
  sureNote: 'Everthread’s own estimate; the platform has confirmed nothing.',
  declaredNote: 'A person declared it; it stays until a person dismisses it.',
  avoided: (what: string) => `Until this is clearer, conversations are carried around all of ${what}.`,
  underMinute: '< 1 min',
  facts: {
    since: 'Since',
    lasted: 'Lasted',
    going: 'So far',
    carried: 'Carried on',
    away: 'Still elsewhere',
    waiting: 'Messages waiting',
  },
  evidence: 'What we see',
  noEvidence: 'Nothing yet: it was declared before anything failed.',
  timeline: 'What happened',
  noTimeline: 'Nothing happened yet.',
  said: 'It said',

  who: 'Conversations',
  suggested: (n: number) =>
    plural(n, { one: 'One conversation can go on elsewhere', other: '# conversations can go on elsewhere' }),
  suggestedText: 'Look through them and say yes, to all or to some. Each is planned anew at that moment.',
  carriedOver: (n: number) => plural(n, { one: 'One was carried on', other: '# were carried on' }),
  held: (n: number) => plural(n, { one: 'One waits', other: '# wait' }),
  returned: (n: number) =>
    plural(n, { one: 'One is back on its first channel', other: '# are back on their first channel' }),
  nobody: 'No conversation was touched.',
  show: 'Show them',
  loadingPlans: 'Loading conversations',
  morePlans: 'Load more',
  noPlans: 'None any more.',
  unknown: 'Unknown',
  byPerson: (name: string) => `by ${name}`,
  to: 'to',
  why: 'Why',
  chooseAll: (n: number) => plural(n, { one: 'Carry it on', other: 'Carry all # on' }),
  chooseSome: (n: number) => plural(n, { one: 'Carry one on', other: 'Carry # on' }),
  choose: (name: string) => `Choose ${name}`,
  approving: (done: number, all: number) => `${done} of ${all} carried on…`,
  approved: (n: number) =>
    plural(n, { one: 'One conversation was carried on', other: '# conversations were carried on' }),
  problems: (n: number) =>
    plural(n, { one: 'One could not be carried on now', other: '# could not be carried on now' }),
  notApproved: 'Not everything was carried on',

  history: 'Read back afterwards',
  historyText: 'After the outage Everthread reads the conversations back from the platform and compares.',
  complete: (account: string, n: number) => `${account}: complete. The platform has ${n}, we have ${n}.`,
  incomplete: (account: string) =>
    `${account}: not all of it could be read, so it is not known to be complete.`,
  readingNow: (account: string) => `${account}: being read now.`,
  readAgain: (at: string) => `What is missing is asked for again at ${at}.`,
  historyLeft: 'What could not be read',
  leftReason: 'no reason given',
  historyHeads: {
    account: 'Account',
    platform: 'Platform has',
    known: 'We had',
    added: 'Came in late',
    unreadable: 'Unreadable',
  },
  gaps: 'May be missing',
  gapsText: 'These platforms can’t be read back. The conversations that were going on carry a mark.',
  gap: (account: string, from: string, to: string, n: number) =>
    `${account}: between ${from} and ${to}, marked in ${n === 1 ? '1 conversation' : `${n} conversations`}.`,

  declareTitle: 'Declare an incident',
  declareText:
    'For when you know more than Everthread sees. It counts as confirmed at once, until a person dismisses it.',
  declareWhat: 'What is down',
  declareHow: 'How it fails',
  companies: 'A company with all its channels',
  channels: 'A whole channel',
  accounts: 'One account of ours',
  declareKinds: {
    send: 'Messages can’t be sent',
    auth: 'Sign-in is refused',
    delivery: 'Messages are accepted and do not arrive',
    webhook: 'Messages from customers come late or get lost',
    inbound: 'Nothing comes in from customers',
  } as Record<string, string>,
  declareDo: 'Declare it',
  declared: 'It is declared',
  cancel: 'Cancel',
  simulatedOnly: (name: string) => `${name} (simulated)`,
};
