import type { Incident, IncidentDetail, Phase } from '../../lib/types';

/** Whom it concerns, in words: "Instagram", "our account @acme". */
export const whom = (incident: Incident): string => incident.what.split(': ')[0] ?? incident.what;

const NOW: Record<Incident['direction'], (who: string) => string> = {
  send: (who) => `Messages can’t be sent over ${who}`,
  auth: (who) => `Sign-in is refused: ${who}`,
  delivery: (who) => `Messages over ${who} are accepted and do not arrive`,
  webhook: (who) => `Messages from ${who} come in late or not at all`,
  inbound: (who) => `Nothing comes in from ${who}`,
};

const MAYBE: Record<Incident['direction'], (who: string) => string> = {
  send: (who) => `Sending over ${who} looks broken`,
  auth: (who) => `Sign-in looks refused: ${who}`,
  delivery: (who) => `Messages over ${who} may not arrive`,
  webhook: (who) => `Messages from ${who} may be late`,
  inbound: (who) => `It is oddly quiet on ${who}`,
};

const PAST: Record<Incident['direction'], (who: string) => string> = {
  send: (who) => `Messages could not be sent over ${who}`,
  auth: (who) => `Sign-in was refused: ${who}`,
  delivery: (who) => `Messages over ${who} were accepted and did not arrive`,
  webhook: (who) => `Messages from ${who} came in late`,
  inbound: (who) => `Nothing came in from ${who}`,
};

/** What is or was wrong, in one plain sentence without a full stop. */
export function headline(incident: Incident): string {
  const who = whom(incident);
  if (incident.phase === 'recovering') return `${who.charAt(0).toUpperCase()}${who.slice(1)} is coming back`;
  if (incident.phase === 'closed') {
    return incident.confirmed_at === null
      ? `False alarm: ${MAYBE[incident.direction](who).replace(/^./, (letter) => letter.toLowerCase())}`
      : PAST[incident.direction](who);
  }
  return (incident.phase === 'suspect' ? MAYBE : NOW)[incident.direction](who);
}

/** `71 %`, on one line. */
export const percent = (share: number): string => `${Math.round(share * 100)}\u00a0%`;

/** How sure we are, in a few words. Never the platform's word. */
export function certainty(incident: Incident): string {
  if (incident.declared) return 'Declared by a person';
  const [first] = incident.shares;
  if (!first) return 'Being weighed';
  const word = first.share >= 0.9 ? 'Almost surely' : first.share >= 0.6 ? 'Probably' : 'Perhaps';
  return `${word} ${first.what} (${percent(first.share)})`;
}

/** Milliseconds that an incident has lasted, or did last. */
export function lasted(incident: Incident, now: number): number {
  const end = incident.closed_at ? Date.parse(incident.closed_at) : now;
  return Math.max(0, end - Date.parse(incident.since));
}

const ORDER: Record<Phase, number> = { confirmed: 0, suspect: 1, recovering: 2, closed: 3 };

/** The gravest first, then the newest. */
export const byGravity = <T extends Incident>(incidents: readonly T[]): T[] =>
  [...incidents].sort((a, b) => ORDER[a.phase] - ORDER[b.phase] || b.number - a.number);

/** Groups of plans of one state, and how many there are. */
export function grouped(incident: IncidentDetail, state: 'done' | 'held' | 'suggested' | 'returned') {
  const groups = incident.groups.filter((group) => group.state === state);
  return { groups, total: groups.reduce((sum, group) => sum + group.count, 0) };
}

/** What a kind of sign is about, what went badly and what went well, in a shop owner's words. */
const SIGNALS: Record<string, [about: string, bad: string, good: string]> = {
  send: ['Messages that we sent', '# failed', '# got through'],
  canary: ['Single messages sent to test it', '# failed', '# got through'],
  token: ['Our sign-in', 'refused # times', 'accepted # times'],
  messaging: ['Asked whether it takes messages', 'no # times', 'yes # times'],
  edge: ['Its servers', 'no answer # times', 'answered # times'],
  receipt: ['Delivery receipts', '# overdue', '# came'],
  history: ['Reading conversations back', 'refused # times', 'worked # times'],
  network: ['Our own connection', 'down # times', 'up # times'],
};

/** One line of evidence as a sentence. */
export function evidence(line: IncidentDetail['evidence'][number]): string {
  const [about, bad, good] = SIGNALS[line.signal] ?? [line.signal, '# bad signs', '# good signs'];
  const said = [
    line.bad > 0 ? bad.replace('#', String(line.bad)) : null,
    line.good > 0 ? good.replace('#', String(line.good)) : null,
  ];
  return `${about}: ${said.filter(Boolean).join(', ')}.`.replace(/\b1 times\b/g, 'once');
}

/** A decision without the word that the heading over it says already. */
export const reason = (decision: string): string =>
  decision
    .replace(/^Held(?: for now)?: /, '')
    .replace(/^Held until/, 'Until')
    .replace(/^./, (letter) => letter.toUpperCase());
