import type { Change } from '../lib/types';

/** What a batch of changes asks the cache to do. */
export type Effect =
  | { type: 'row'; id: string }
  | { type: 'rows' }
  | { type: 'thread'; id: string; messageIds: string[] }
  | { type: 'counts' }
  | { type: 'contact'; id: string }
  | { type: 'leads' }
  | { type: 'accounts' }
  | { type: 'problems' }
  | { type: 'incidents' }
  | { type: 'policy' };

/** More changed conversations than this in one batch: the visible list is read again instead of row by row. */
export const ROWS_MAX = 8;

/**
 * Turns a batch of changes into the fewest reads that bring the cache up to date. Pure: `threads` names the
 * conversations whose messages are in the cache; messages of the others need no read.
 */
export function plan(changes: readonly Change[], threads: ReadonlySet<string>): Effect[] {
  const rows = new Set<string>();
  const messages = new Map<string, Set<string>>();
  const contacts = new Set<string>();
  const effects: Effect[] = [];
  const once = new Set<'leads' | 'accounts' | 'problems' | 'incidents' | 'policy'>();

  for (const change of changes) {
    switch (change.kind) {
      case 'conversation':
        rows.add(change.id);
        break;
      case 'message': {
        const conversation = change.conversation_id;
        if (!conversation) break;
        rows.add(conversation);
        if (!threads.has(conversation)) break;
        const ids = messages.get(conversation) ?? new Set();
        ids.add(change.id);
        messages.set(conversation, ids);
        break;
      }
      case 'contact':
        contacts.add(change.id);
        break;
      case 'lead':
        once.add('leads');
        break;
      case 'account':
        once.add('accounts');
        break;
      case 'problem':
        once.add('problems');
        break;
      case 'incident':
        once.add('incidents');
        break;
      case 'continuity':
        once.add('policy');
        break;
    }
  }

  for (const [id, ids] of messages) effects.push({ type: 'thread', id, messageIds: [...ids] });
  if (rows.size > ROWS_MAX) effects.push({ type: 'rows' });
  else for (const id of rows) effects.push({ type: 'row', id });
  if (rows.size > 0) effects.push({ type: 'counts' });
  for (const id of contacts) effects.push({ type: 'contact', id });
  for (const type of once) effects.push({ type });
  return effects;
}
