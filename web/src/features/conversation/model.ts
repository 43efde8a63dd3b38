import { dayOf } from '../../lib/dates';
import type { ConversationGap, Message, MessageState, Owner, Plan } from '../../lib/types';
import type { Pending, ThreadData } from '../../realtime/thread';

/** What the thread draws, one row each. */
export type Row =
  | { type: 'top'; key: string; more: boolean }
  | { type: 'day'; key: string; at: string; channel: string | null }
  | { type: 'channel'; key: string; channel: string; at: string }
  | { type: 'gap'; key: string; gap: ConversationGap; channel: string | null }
  | { type: 'message'; key: string; message: Message; first: boolean; last: boolean; channel: string | null }
  | { type: 'pending'; key: string; pending: Pending; channel: string | null };

/** Messages of one author closer than this stand as one run. */
const RUN_MS = 5 * 60_000;

const sameAuthor = (a: Message, b: Message) =>
  a.direction === b.direction && a.author.kind === b.author.kind && a.author.id === b.author.id;

function sameRun(a: Message | undefined, b: Message | undefined): boolean {
  if (!a || !b || !sameAuthor(a, b) || a.channel !== b.channel) return false;
  const [from, to] = [Date.parse(a.at), Date.parse(b.at)];
  return Math.abs(to - from) < RUN_MS && dayOf(from) === dayOf(to);
}

/** Gaps by the index of the message before which they stand: the first that was said in time after they began. */
function gapsByPlace(data: ThreadData, gaps: readonly ConversationGap[]): Map<number, ConversationGap[]> {
  const places = new Map<number, ConversationGap[]>();
  for (const gap of [...gaps].reverse()) {
    const since = Date.parse(gap.since);
    const found = data.items.findIndex((message) => !message.late && Date.parse(message.at) > since);
    // It stands further up, in what is not read yet.
    if (found === 0 && data.hasMore) continue;
    const place = found < 0 ? data.items.length : found;
    places.set(place, [...(places.get(place) ?? []), gap]);
  }
  return places;
}

/**
 * Lays a thread out as rows: its top, days, changes of channel, gaps, messages, and what is on its way. A late message
 * stands where it arrived; it opens no earlier day again.
 */
export function buildRows(data: ThreadData, gaps: readonly ConversationGap[] = []): Row[] {
  const places = gapsByPlace(data, gaps);
  const rows: Row[] = [{ type: 'top', key: 'top', more: data.hasMore }];
  let day = 0;
  let channel: string | null = null;
  const mark = (index: number) => {
    for (const gap of places.get(index) ?? [])
      rows.push({ type: 'gap', key: `gap-${gap.incident_id}-${gap.channel}-${gap.since}`, gap, channel });
  };
  data.items.forEach((message, index) => {
    mark(index);
    const next = message.direction === 'note' ? channel : (message.channel ?? channel);
    const itsDay = dayOf(Date.parse(message.at));
    const newDay = itsDay > day;
    if (newDay) {
      rows.push({ type: 'day', key: `day-${itsDay}`, at: message.at, channel: channel ?? next });
      day = itsDay;
    }
    const newChannel = next !== null && next !== channel;
    if (newChannel)
      rows.push({ type: 'channel', key: `channel-${message.id}`, channel: next, at: message.at });
    channel = next;
    rows.push({
      type: 'message',
      key: message.id,
      message,
      first: newDay || newChannel || !sameRun(data.items[index - 1], message),
      last: !sameRun(message, data.items[index + 1]),
      channel,
    });
  });
  mark(data.items.length);
  for (const pending of data.pending) {
    rows.push({ type: 'pending', key: pending.clientId, pending, channel });
  }
  return rows;
}

/** States that need no look: they show small, once per run. */
const QUIET: readonly MessageState[] = ['received', 'accepted', 'delivered', 'read'];

export const isQuiet = (state: MessageState): boolean => QUIET.includes(state);
export const canCancel = (state: MessageState): boolean => state === 'queued' || state === 'held';
export const canResend = (state: MessageState): boolean => state === 'failed' || state === 'unconfirmed';

/** The time at which a message reached its state, else the time it was written. */
export const stateTime = (message: Message): string => message.state_at[message.state] ?? message.at;

/** How many parts have been taken by the channel. */
export function partsDone(message: Message): number {
  return message.parts.filter((part) => ['accepted', 'delivered', 'read'].includes(part.state)).length;
}

/** What `POST assign` needs to bring an owner back. */
export function ownerWord(owner: Owner): string {
  if (owner.kind === 'person' && owner.user_id) return owner.user_id;
  return owner.kind === 'bot' ? 'bot' : 'nobody';
}

/** A reason as a sentence: it begins with a capital and ends with one full stop. */
export const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.+$/, '')}.`;

/**
 * The decision that sent a message its way: its own, else the last one before it that had moved the conversation to
 * this channel. Plans come newest first.
 */
export const planOf = (message: Message, plans: readonly Plan[]): Plan | undefined =>
  message.plan_id === null
    ? plans.find(
        (plan) =>
          plan.state === 'done' &&
          plan.channel !== null &&
          plan.channel === message.channel &&
          Date.parse(plan.at) <= Date.parse(message.at),
      )
    : plans.find((plan) => plan.id === message.plan_id);
