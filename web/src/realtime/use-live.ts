import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { keys } from '../lib/keys';
import type { Change } from '../lib/types';
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

/** Runs what the plan asks for. Failures are left to the next change or to the page's own error states. */
export function runEffect(
  client: QueryClient,
  effect: Effect,
  later: (key: readonly unknown[]) => void,
): void {
  switch (effect.type) {
    case 'row':
      refreshRow(client, effect.id).catch(() => undefined);
      break;
    case 'thread':
      refreshThread(client, effect.id, effect.messageIds).catch(() => undefined);
      break;
    case 'rows':
      later(keys.lists);
      later(keys.conversations);
      break;
    case 'counts':
      later(keys.counts);
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
  }
}

/** Threads in the cache, by conversation. */
function threads(client: QueryClient): Set<string> {
  return new Set(client.getQueriesData({ queryKey: ['thread'] }).map(([key]) => String(key[1])));
}

/** Keeps the cache in step with the hub while mounted. */
export function useLive(workspace: string, onSignedOut: () => void): void {
  const client = useQueryClient();
  useEffect(() => {
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
    const flush = () => {
      timer = undefined;
      const effects = plan(batch, threads(client));
      batch = [];
      for (const effect of effects) runEffect(client, effect, later);
    };

    const stop = follow(workspace, {
      onChange: (change) => {
        batch.push(change);
        timer ??= setTimeout(flush, BATCH_MS);
      },
      onReset: () => void client.invalidateQueries({ predicate: (each) => each.queryKey[0] !== 'session' }),
      onStatus: setLiveStatus,
      onSignedOut,
    });
    return () => {
      stop();
      clearTimeout(timer);
      clearTimeout(staleTimer);
    };
  }, [client, workspace, onSignedOut]);
}
