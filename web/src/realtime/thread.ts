import type { Message, MessagePage } from '../lib/types';

/** A message that this browser is sending; the hub has not confirmed it yet. */
export interface Pending {
  clientId: string;
  kind: 'reply' | 'note';
  text: string;
  attachments: { media_id: string; name: string; kind: string }[];
  replyTo: { id: string; text: string } | null;
  template: { name: string; language: string; params: string[] } | null;
  at: string;
  /** Null while it is on its way. */
  error: { title: string; nextStep: string | null } | null;
}

/** The loaded end of a conversation, ascending and without holes, and what is on its way. */
export interface ThreadData {
  items: Message[];
  hasMore: boolean;
  pending: Pending[];
}

export const EMPTY_THREAD: ThreadData = { items: [], hasMore: false, pending: [] };

function union(a: readonly Message[], b: readonly Message[]): Message[] {
  const byId = new Map(a.map((message) => [message.id, message]));
  for (const message of b) byId.set(message.id, message);
  return [...byId.values()].sort((x, y) => x.seq - y.seq);
}

/** Drops what the hub has now confirmed under the browser's own id. */
function settle(pending: readonly Pending[], items: readonly Message[]): Pending[] {
  const known = new Set(items.map((message) => message.client_id).filter(Boolean));
  return pending.filter((each) => !known.has(each.clientId));
}

/** Takes in the newest page. If messages are missing between it and what is loaded, the loaded part is dropped. */
export function mergeLatest(data: ThreadData | undefined, page: MessagePage): ThreadData {
  if (!data || data.items.length === 0) {
    const pending = settle(data?.pending ?? [], page.items);
    return { items: page.items, hasMore: page.has_more, pending };
  }
  const loaded = data.items[data.items.length - 1];
  const first = page.items[0];
  const hole = loaded && first && first.seq > loaded.seq + 1;
  const items = hole ? page.items : union(data.items, page.items);
  return {
    items,
    hasMore: hole ? page.has_more : data.hasMore,
    pending: settle(data.pending, page.items),
  };
}

/** Takes in the page before the loaded part. */
export function mergeOlder(data: ThreadData, page: MessagePage): ThreadData {
  return { ...data, items: union(data.items, page.items), hasMore: page.has_more };
}

/** Takes in single changed messages; those outside the loaded part are left out. */
export function mergeChanged(data: ThreadData, messages: readonly Message[]): ThreadData {
  const first = data.items[0]?.seq ?? 0;
  const last = data.items[data.items.length - 1]?.seq ?? 0;
  const inside = messages.filter((message) => message.seq >= first && message.seq <= last + 1);
  return { ...data, items: union(data.items, inside), pending: settle(data.pending, inside) };
}

/** The smallest read that covers the changed messages: the newest page, or one stretch around known ones. */
export function readFor(
  data: ThreadData,
  ids: readonly string[],
  pageSize: number,
): { before: number; limit: number } | null {
  if (ids.length === 0) return null;
  const seqs: number[] = [];
  for (const id of ids) {
    const known = data.items.find((message) => message.id === id);
    if (!known) return null;
    seqs.push(known.seq);
  }
  const low = Math.min(...seqs);
  const high = Math.max(...seqs);
  return high - low < pageSize ? { before: high + 1, limit: high - low + 1 } : null;
}
