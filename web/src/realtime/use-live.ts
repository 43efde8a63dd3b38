import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { keys } from '../lib/keys';
import type { Change, Incident } from '../lib/types';
import { announce } from './announce';
import { type Effect, plan } from './plan';
import { knownRow, refreshConversation, refreshThread } from './refresh';
import { setLiveStatus } from './status';
import { follow } from './stream';

/** Changes are gathered this long, so that a burst costs one read. */
const BATCH_MS = 60;
/** Whole lists and counts are read again at most this often. */
const WHOLE_MS = 1000;

async function refreshRow(client: QueryClient, id: string): Promise<void> {
  const before = knownRow(client, id);
  const row = await refreshConversation(client, id);
  const message = row.last_message;
  if (message?.direction === 'in' && row.seq > (before?.seq ?? 0)) {
    announce(`${row.contact.name}: ${message.text || 'sent a file'}`);
  }
}

/** Runs what the plan asks for; what it returns ends when the reads do, well or not. */
function runEffect(
  client: QueryClient,
  effect: Effect,
  later: (key: readonly unknown[]) => void,
): Promise<unknown> | undefined {
  switch (effect.type) {
    case 'row':
      return refreshRow(client, effect.id);
    case 'thread':
      later(keys.plans(effect.id));
      return refreshThread(client, effect.id, effect.messageIds);
    case 'rows':
      later(keys.lists);
      later(keys.conversations);
      break;
    case 'counts':
      later(keys.counts);
      // While something is down, what changes in conversations changes who is carried and held.
      if (client.getQueryData<Incident[]>(keys.openIncidents)?.length) later(keys.incidents);
      break;
    case 'contact':
      later(keys.contact(effect.id));
      later(keys.conversations);
      break;
    case 'leads':
      later(keys.leads);
      later(keys.contacts);
      break;
    case 'accounts':
      later(keys.accounts);
      break;
    case 'problems':
      later(keys.problems);
      later(keys.system);
      break;
    case 'incidents':
      later(keys.incidents);
      later(keys.health);
      later(keys.sandbox);
      break;
    case 'policy':
      later(keys.policy);
      break;
  }
  return undefined;
}

/** Threads on the screen, by conversation. Those that are only kept are read again when they are opened. */
function openThreads(client: QueryClient, changes: readonly Change[]): Set<string> {
  const cache = client.getQueryCache();
  const open = cache.findAll({ queryKey: ['thread'], type: 'active' });
  const ids = new Set(open.map((each) => String(each.queryKey[1])));
  for (const { kind, conversation_id: id } of changes) {
    if (kind === 'message' && id && !ids.has(id)) {
      void client.invalidateQueries({ queryKey: keys.thread(id), refetchType: 'none' });
    }
  }
  return ids;
}

/** Keeps the cache in step with the hub while mounted. */
export function useLive(workspace: string, onSignedOut: () => void): void {
  const client = useQueryClient();
  useEffect(() => {
    let stopped = false;
    let batch: Change[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stale = new Map<string, readonly unknown[]>();
    let staleTimer: ReturnType<typeof setTimeout> | undefined;

    const flushStale = () => {
      staleTimer = undefined;
      for (const key of stale.values()) void client.invalidateQueries({ queryKey: key });
      stale.clear();
    };
    const later = (key: readonly unknown[]) => {
      stale.set(JSON.stringify(key), key);
      staleTimer ??= setTimeout(flushStale, WHOLE_MS);
    };
    // One batch at a time: under a flood the next one is larger, and the plan reads whole lists instead of rows.
    const flush = async () => {
      const changes = batch;
      batch = [];
      const effects = plan(changes, openThreads(client, changes));
      await Promise.allSettled(effects.map((effect) => runEffect(client, effect, later)));
      timer = undefined;
      if (batch.length > 0 && !stopped) schedule();
    };
    const schedule = () => {
      timer ??= setTimeout(() => void flush(), BATCH_MS);
    };

    const stop = follow(workspace, {
      onChange: (change) => {
        batch.push(change);
        schedule();
      },
      onReset: () => void client.invalidateQueries({ predicate: (each) => each.queryKey[0] !== 'session' }),
      onStatus: setLiveStatus,
      onSignedOut,
    });
    return () => {
      stopped = true;
      stop();
      clearTimeout(timer);
      clearTimeout(staleTimer);
    };
  }, [client, workspace, onSignedOut]);
}
