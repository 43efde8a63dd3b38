import { describe, expect, it } from 'vitest';
import { type ChatMessage, type ChatState, choices, reduce, START, unreadCount } from './model';

const message = (seq: number, change: Partial<ChatMessage> = {}): ChatMessage => ({
  id: `m${seq}`,
  seq,
  from: 'us',
  text: 'hi',
  buttons: [],
  at: '2026-11-23T10:00:00Z',
  ...change,
});
const unsent = { id: 'k1', text: 'hello', at: '2026-11-23T10:00:00Z' };
const play = (...events: Parameters<typeof reduce>[1][]): ChatState => events.reduce(reduce, START);

describe('web chat', () => {
  it('keeps messages in order and takes each once', () => {
    const state = play(
      { type: 'message', message: message(2) },
      { type: 'message', message: message(1) },
      { type: 'message', message: message(2) },
    );
    expect(state.messages.map((each) => each.seq)).toEqual([1, 2]);
    expect(state.lastSeq).toBe(2);
  });
  it('shows a written message as unsent until the hub has stored it, then once', () => {
    const written = play({ type: 'write', unsent });
    expect(written.unsent).toHaveLength(1);
    const stored = reduce(written, { type: 'stored', id: 'k1' });
    expect(stored.unsent).toEqual([]);
    const placed = reduce(stored, { type: 'message', message: message(1, { id: 'k1', from: 'you' }) });
    expect(placed.messages.map((each) => [each.id, each.seq])).toEqual([['k1', 1]]);
  });
  it('comes to the same when the event is faster than the answer', () => {
    const state = play(
      { type: 'write', unsent },
      { type: 'message', message: message(1, { id: 'k1', from: 'you' }) },
      { type: 'stored', id: 'k1' },
    );
    expect(state.messages).toHaveLength(1);
    expect(state.unsent).toEqual([]);
  });
  it('drops from what waits what the session already holds', () => {
    const state = play(
      { type: 'write', unsent },
      {
        type: 'session',
        title: 'Shop',
        greeting: null,
        messages: [message(1, { id: 'k1', from: 'you' })],
        lastSeq: 1,
        proof: null,
        readSeq: 0,
      },
    );
    expect(state.unsent).toEqual([]);
  });
  it('asks for a proof where the visitor came by a link, and says what came of it', () => {
    const proof = { state: 'unverified', way: 'SMS', code_until: null } as const;
    const came = play({
      type: 'session',
      title: 'Shop',
      greeting: null,
      messages: [],
      lastSeq: 0,
      readSeq: null,
      proof,
    });
    const until = '2026-11-23T10:10:00Z';
    const sent = reduce(came, { type: 'code', until });
    expect(sent.proof).toEqual({ ...proof, code_until: until });
    for (const [note, left] of [
      [{ wrong: 4 }, sent.proof],
      ['too_soon', sent.proof],
      ['failed', sent.proof],
      ['over', proof],
      ['no_way', { ...proof, way: null }],
    ] as const) {
      expect(reduce(sent, { type: 'note', note })).toMatchObject({ note, proof: left });
    }
    expect(reduce(sent, { type: 'code', until }).note).toBeNull();
  });
  it('counts what was not looked at', () => {
    const state = play(
      { type: 'message', message: message(1) },
      { type: 'read', seq: 1 },
      { type: 'message', message: message(2) },
      { type: 'message', message: message(3, { from: 'you' }) },
    );
    expect(unreadCount(state)).toBe(1);
  });
  it('offers choices until the customer answers', () => {
    const offered = play({
      type: 'message',
      message: message(1, { buttons: [{ title: 'Cups', payload: 'c' }] }),
    });
    expect(choices(offered)).toHaveLength(1);
    expect(choices(reduce(offered, { type: 'write', unsent }))).toEqual([]);
  });
  it('raises receipts', () => {
    const state = play(
      { type: 'message', message: message(1, { from: 'you' }) },
      { type: 'receipt', id: 'm1', state: 'read' },
    );
    expect(state.messages[0]?.state).toBe('read');
  });
});
