import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { ApiError, del, explain, get, post, query } from '../../lib/api';
import { keys } from '../../lib/keys';
import { items } from '../../lib/queries';
import type {
  Attempt,
  ContinuationLink,
  Conversation,
  ConversationStatus,
  Message,
  MessagePage,
  Page,
  Plan,
} from '../../lib/types';
import {
  knownRow,
  patchLists,
  readConversation,
  refreshConversation,
  refreshThread,
  THREAD_PAGE,
  toRow,
} from '../../realtime/refresh';
import { EMPTY_THREAD, mergeLatest, mergeOlder, type Pending, type ThreadData } from '../../realtime/thread';
import { changes, sends } from '../../realtime/under-way';

const conversationQuery = (id: string) => ({
  queryKey: keys.conversation(id),
  queryFn: ({ signal }: { signal: AbortSignal }) => readConversation(id, signal),
});

const threadQuery = (client: QueryClient, id: string) => ({
  queryKey: keys.thread(id),
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const page = await get<MessagePage>(
      `/conversations/${id}/messages${query({ limit: THREAD_PAGE })}`,
      signal,
    );
    return mergeLatest(client.getQueryData<ThreadData>(keys.thread(id)), page);
  },
});

export const useConversation = (id: string) => useQuery(conversationQuery(id));

/** The newest messages of a conversation; older ones by `loadOlder`. */
export const useThread = (id: string) => useQuery(threadQuery(useQueryClient(), id));

/** Reads a conversation before it is opened. */
export function usePrefetch(): (id: string) => void {
  const client = useQueryClient();
  return useCallback(
    (id) => {
      void client.prefetchQuery(conversationQuery(id));
      void client.prefetchQuery(threadQuery(client, id));
    },
    [client],
  );
}

export const useAttempts = (messageId: string) =>
  useQuery({
    queryKey: keys.attempts(messageId),
    queryFn: async ({ signal }) =>
      items(await get<Attempt[] | Page<Attempt>>(`/messages/${messageId}/attempts`, signal)),
    staleTime: 0,
  });

/** The last decisions where a conversation goes, newest first. */
export const usePlans = (id: string) =>
  useQuery({
    queryKey: keys.plans(id),
    queryFn: ({ signal }) => get<Plan[]>(`/conversations/${id}/plans`, signal),
  });

/** Sends a conversation, with all that waits, a way that a plan weighed. */
export async function chooseWay(client: QueryClient, id: string, plan: string, way: number): Promise<void> {
  await post(`/conversations/${id}/route`, { plan, way });
  await Promise.allSettled([
    refreshThread(client, id, []),
    refreshConversation(client, id),
    client.invalidateQueries({ queryKey: keys.plans(id) }),
  ]);
}

/** Reads the page before the loaded part of a thread. */
export async function loadOlder(client: QueryClient, id: string): Promise<void> {
  const data = client.getQueryData<ThreadData>(keys.thread(id));
  const first = data?.items[0];
  if (!data?.hasMore || !first) return;
  const page = await get<MessagePage>(
    `/conversations/${id}/messages${query({ before_seq: first.seq, limit: THREAD_PAGE })}`,
  );
  client.setQueryData<ThreadData>(keys.thread(id), (now) => (now ? mergeOlder(now, page) : now));
}

function setPending(client: QueryClient, id: string, change: (pending: Pending[]) => Pending[]): void {
  client.setQueryData<ThreadData>(keys.thread(id), (data = EMPTY_THREAD) => ({
    ...data,
    pending: change(data.pending),
  }));
}

/** Sends a reply or note: it shows at once, and a repeated try with the same id never sends twice. */
export async function send(client: QueryClient, id: string, message: Pending): Promise<void> {
  setPending(client, id, (all) => [
    ...all.filter((each) => each.clientId !== message.clientId),
    { ...message, error: null },
  ]);
  const work = post<Message>(
    `/conversations/${id}/messages`,
    {
      client_id: message.clientId,
      kind: message.kind,
      text: message.text,
      ...(message.attachments.length > 0
        ? { attachments: message.attachments.map(({ media_id }) => ({ media_id })) }
        : {}),
      ...(message.replyTo ? { reply_to: message.replyTo.id } : {}),
      ...(message.template ? { template: message.template } : {}),
    },
    message.clientId,
  );
  try {
    const sent = await sends.track(id, work);
    const last = client.getQueryData<ThreadData>(keys.thread(id))?.items.at(-1);
    // Others wrote in between: read them too, so that the thread has no hole.
    if (last && sent.seq > last.seq + 1) await refreshThread(client, id, []).catch(() => undefined);
    client.setQueryData<ThreadData>(keys.thread(id), (data = EMPTY_THREAD) => ({
      ...mergeLatest(data, { items: [sent], has_more: data.hasMore }),
      pending: data.pending.filter((each) => each.clientId !== message.clientId),
    }));
    refreshConversation(client, id).catch(() => undefined);
  } catch (error) {
    setPending(client, id, (all) =>
      all.map((each) => (each.clientId === message.clientId ? { ...each, error: explain(error) } : each)),
    );
  }
}

/** Forgets a message that could not be sent. */
export const discard = (client: QueryClient, id: string, clientId: string): void =>
  setPending(client, id, (all) => all.filter((each) => each.clientId !== clientId));

/** Shows a change of a conversation at once, does it, and reads the truth back either way. */
export async function change(
  client: QueryClient,
  id: string,
  guess: Partial<Conversation>,
  work: () => Promise<unknown>,
): Promise<void> {
  const before = client.getQueryData<Conversation>(keys.conversation(id));
  const done = changes.track(id, work());
  if (before) {
    const next = { ...before, ...guess };
    client.setQueryData(keys.conversation(id), next);
    patchLists(client, toRow(next));
  }
  const listsUnderWay = client.isFetching({ queryKey: keys.lists }) > 0;
  try {
    await done;
  } finally {
    await refreshConversation(client, id).catch(() => undefined);
    void client.invalidateQueries({ queryKey: keys.counts });
    // A list that was being read when this began may show the row as it was.
    if (listsUnderWay) void client.invalidateQueries({ queryKey: keys.lists });
  }
}

/** Gives a conversation to `me`, `bot`, `nobody` or a person's id. The newest version we know is named. */
export async function assign(
  client: QueryClient,
  id: string,
  owner: string,
  shown: { kind: 'nobody' | 'bot' | 'person'; user_id: string | null; name: string | null },
): Promise<void> {
  const known = client.getQueryData<Conversation>(keys.conversation(id)) ?? knownRow(client, id);
  const version = known?.owner.version ?? 0;
  await change(client, id, { owner: { ...shown, version } }, () =>
    post(`/conversations/${id}/assign`, { owner, version }),
  );
}

export const setStatus = (
  client: QueryClient,
  id: string,
  status: ConversationStatus,
  snoozedUntil: string | null = null,
): Promise<void> =>
  change(client, id, { status, snoozed_until: snoozedUntil }, () =>
    post(`/conversations/${id}/status`, { status, ...(snoozedUntil ? { snoozed_until: snoozedUntil } : {}) }),
  );

export async function setLabels(
  client: QueryClient,
  id: string,
  add: string[],
  remove: string[],
): Promise<void> {
  const now = client.getQueryData<Conversation>(keys.conversation(id))?.labels ?? [];
  const labels = [
    ...now.filter((label) => !remove.includes(label)),
    ...add.filter((label) => !now.includes(label)),
  ];
  await change(client, id, { labels }, () => post(`/conversations/${id}/labels`, { add, remove }));
  void client.invalidateQueries({ queryKey: keys.labels });
}

/** Links into the web chat that were made for a conversation, newest first. */
export const useLinks = (id: string) =>
  useQuery({
    queryKey: keys.links(id),
    queryFn: ({ signal }) => get<ContinuationLink[]>(`/conversations/${id}/link`, signal),
    staleTime: 0,
  });

/** Makes a link. Its address is told this once. */
export const makeLink = (id: string): Promise<{ id: string; url: string }> =>
  post(`/conversations/${id}/link`);

export async function revokeLink(client: QueryClient, id: string, link: string): Promise<void> {
  await del(`/conversations/${id}/link/${link}`);
  void client.invalidateQueries({ queryKey: keys.links(id) });
}

/** Tells the hub that a person has seen the conversation. */
export async function markRead(client: QueryClient, id: string): Promise<void> {
  const row = client.getQueryData<Conversation>(keys.conversation(id));
  if (!row || row.unread === 0) return;
  client.setQueryData<Conversation>(keys.conversation(id), { ...row, unread: 0 });
  patchLists(client, { ...toRow(row), unread: 0 });
  await post(`/conversations/${id}/read`);
}

/** True where the hub refused because somebody else was faster. */
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.status === 409;
