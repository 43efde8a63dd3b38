import type { InfiniteData } from '@tanstack/react-query';
import type { ListFilter } from '../lib/keys';
import type { ConversationRow, Page } from '../lib/types';

export type ListData = InfiniteData<Page<ConversationRow>, string | null>;

/** Whether a conversation belongs in a list; null where only the server can tell (a text search). */
export function matches(row: ConversationRow, filter: ListFilter, userId: string): boolean | null {
  if (filter.channel && row.channel !== filter.channel) return false;
  if (filter.label && !row.labels.includes(filter.label)) return false;
  const mine = row.owner.kind === 'person' && row.owner.user_id === userId;
  const inView = {
    open: row.status === 'open',
    pending: row.status === 'pending',
    snoozed: row.status === 'snoozed',
    resolved: row.status === 'resolved',
    mine: mine && row.status === 'open',
    unassigned: row.owner.kind === 'nobody' && row.status === 'open',
    all: true,
  }[filter.view];
  if (!inView) return false;
  return filter.q ? null : true;
}

/** The time by which the hub orders its lists. */
const lastAt = (row: ConversationRow): number => Date.parse(row.last_message?.at ?? row.updated_at);

/** Puts a fresh row where it now belongs in a list, or takes it out. Rows beyond what is loaded are left to paging. */
export function applyRow(data: ListData, row: ConversationRow, filter: ListFilter, userId: string): ListData {
  const verdict = matches(row, filter, userId);
  if (verdict === null) return replaceRow(data, row);
  const pages = data.pages.map((page) => ({
    ...page,
    items: page.items.filter((item) => item.id !== row.id),
  }));
  if (!verdict) return { ...data, pages };

  for (const page of pages) {
    const at = page.items.findIndex((item) => lastAt(item) < lastAt(row));
    if (at >= 0) {
      page.items.splice(at, 0, row);
      return { ...data, pages };
    }
  }
  const last = pages[pages.length - 1];
  if (last && last.next_cursor === null) last.items.push(row);
  return { ...data, pages };
}

/** Changes a row in place, wherever it is. */
export function replaceRow(data: ListData, row: ConversationRow): ListData {
  return {
    ...data,
    pages: data.pages.map((page) => ({
      ...page,
      items: page.items.map((item) => (item.id === row.id ? row : item)),
    })),
  };
}
