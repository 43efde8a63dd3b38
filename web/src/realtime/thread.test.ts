import { describe, expect, it } from 'vitest';
import { aMessage } from '../testing/fixtures';
import {
  EMPTY_THREAD,
  mergeChanged,
  mergeLatest,
  mergeOlder,
  type Pending,
  readFor,
  type ThreadData,
} from './thread';

const some = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => aMessage({ id: `m${from + n}`, seq: from + n }));
const thread = (from: number, to: number): ThreadData => ({
  items: some(from, to),
  hasMore: from > 1,
  pending: [],
});
const seqs = (data: ThreadData) => data.items.map((message) => message.seq);
const pending: Pending = {
  clientId: 'k1',
  kind: 'reply',
  text: 'hi',
  attachments: [],
  replyTo: null,
  template: null,
  at: '2026-11-23T10:00:00Z',
  error: null,
};

describe('thread', () => {
  it('takes in the newest page without a double', () => {
    expect(seqs(mergeLatest(thread(3, 6), { items: some(5, 8), has_more: true }))).toEqual([
      3, 4, 5, 6, 7, 8,
    ]);
  });
  it('starts over when messages are missing in between', () => {
    const data = mergeLatest(thread(3, 6), { items: some(9, 10), has_more: true });
    expect(seqs(data)).toEqual([9, 10]);
    expect(data.hasMore).toBe(true);
  });
  it('takes in older messages and learns where the thread begins', () => {
    const data = mergeOlder(thread(4, 6), { items: some(1, 3), has_more: false });
    expect(seqs(data)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(data.hasMore).toBe(false);
  });
  it('changes a message in place and leaves out those that are not loaded', () => {
    const changed = [aMessage({ id: 'm2', seq: 2 }), aMessage({ id: 'm5', seq: 5, state: 'read' })];
    const data = mergeChanged(thread(4, 6), changed);
    expect(seqs(data)).toEqual([4, 5, 6]);
    expect(data.items[1]?.state).toBe('read');
  });
  it('drops what was pending once the hub shows it', () => {
    const data = mergeLatest(
      { ...EMPTY_THREAD, pending: [pending] },
      { items: [aMessage({ client_id: 'k1' })], has_more: false },
    );
    expect(data.pending).toEqual([]);
  });
  it.each([
    ['one known message', ['m5'], { before: 6, limit: 1 }],
    ['a stretch', ['m4', 'm6'], { before: 7, limit: 3 }],
    ['a new message', ['m5', 'm9'], null],
    ['nothing named', [], null],
  ])('reads %s', (_, ids, read) => {
    expect(readFor(thread(3, 6), ids, 50)).toEqual(read);
  });
});
