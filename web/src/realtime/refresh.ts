import type { QueryClient } from '@tanstack/react-query';
import { get, query } from '../lib/api';
import { keys, type ListFilter } from '../lib/keys';
import type { Session } from '../lib/session';
import type { Conversation, ConversationRow, MessagePage } from '../lib/types';
import { applyRow, type ListData } from './apply-row';
import { mergeChanged, mergeLatest, readFor, type ThreadData } from './thread';
import { changes, sends } from './under-way';

export const THREAD_PAGE = 50;

/** The list's view of a conversation. */
export function toRow(conversation: Conversation): ConversationRow {
  const { contact, snoozed_until: _, route: __, composer: ___, ...rest } = conversation;
  return { ...rest, contact: { id: contact.id, name: contact.name, avatar_seed: contact.id } };
}

/** Puts a row into every list that is loaded. */
export function patchLists(client: QueryClient, row: ConversationRow): void {
  const userId = client.getQueryData<Session>(keys.session)?.user.id ?? '';
  for (const [key, data] of client.getQueriesData<ListData>({ queryKey: keys.lists })) {
    const filter = key[1] as ListFilter | undefined;
    if (data && filter) client.setQueryData<ListData>(key, applyRow(data, row, filter, userId));
  }
}

/** The row as it is known now, from any list. */
export function knownRow(client: QueryClient, id: string): ConversationRow | null {
  for (const [, data] of client.getQueriesData<ListData>({ queryKey: keys.lists })) {
    for (const page of data?.pages ?? []) {
      const row = page.items.find((item) => item.id === id);
      if (row) return row;
    }
  }
  return null;
}

/** Reads a conversation as it is after every change that was made here. */
export async function readConversation(id: string, signal?: AbortSignal): Promise<Conversation> {
  for (;;) {
    await changes.settled(id);
    const begun = changes.begun(id);
    const conversation = await get<Conversation>(`/conversations/${id}`, signal);
    // What was read before a change began would undo it on the screen.
    if (changes.begun(id) === begun) return conversation;
  }
}

/** Reads one conversation again and patches the page with it. */
export async function refreshConversation(client: QueryClient, id: string): Promise<ConversationRow> {
  const conversation = await readConversation(id);
  client.setQueryData(keys.conversation(id), conversation);
  const row = toRow(conversation);
  patchLists(client, row);
  return row;
}

/** Reads the changed messages of a loaded thread. */
export async function refreshThread(client: QueryClient, id: string, messageIds: string[]): Promise<void> {
  await sends.settled(id);
  const before = client.getQueryData<ThreadData>(keys.thread(id));
  if (!before) return;
  const stretch = readFor(before, messageIds, THREAD_PAGE);
  const page = await get<MessagePage>(
    `/conversations/${id}/messages${query(
      stretch ? { before_seq: stretch.before, limit: stretch.limit } : { limit: THREAD_PAGE },
    )}`,
  );
  client.setQueryData<ThreadData>(keys.thread(id), (data) => {
    if (!data) return data;
    return stretch ? mergeChanged(data, page.items) : mergeLatest(data, page);
  });
}
