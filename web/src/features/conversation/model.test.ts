import { describe, expect, it } from 'vitest';
import type { Message, Plan } from '../../lib/types';
import { EMPTY_THREAD } from '../../realtime/thread';
import { aMessage } from '../../testing/fixtures';
import { buildRows, ownerWord, partsDone, planOf } from './model';

const rows = (...messages: Parameters<typeof aMessage>[0][]) =>
  buildRows({
    ...EMPTY_THREAD,
    items: messages.map((change, index) => aMessage({ id: `m${index}`, seq: index + 1, ...change })),
  });
const shape = (built: ReturnType<typeof rows>) => built.map((row) => row.type);

describe('buildRows', () => {
  it('opens each day once, also when a late message says an earlier one', () => {
    const built = rows(
      { at: '2026-11-21T12:00:00Z' },
      { at: '2026-11-23T12:00:00Z' },
      { at: '2026-11-21T13:00:00Z', late: true },
    );
    expect(shape(built)).toEqual(['top', 'day', 'channel', 'message', 'day', 'message', 'message']);
  });
  it('marks where the talk moves to another channel; notes move nothing', () => {
    const built = rows(
      { channel: 'instagram' },
      { direction: 'note', channel: null },
      { channel: 'whatsapp' },
    );
    expect(shape(built)).toEqual(['top', 'day', 'channel', 'message', 'message', 'channel', 'message']);
  });
  it('marks a gap once, before what was said after it began', () => {
    const gap = {
      channel: 'whatsapp',
      channel_title: 'WhatsApp',
      since: '2026-11-23T12:05:00Z',
      until: '2026-11-23T12:30:00Z',
      incident_id: 'inc_1',
      incident_number: 3,
    };
    const items = [
      aMessage({ id: 'a', seq: 1, at: '2026-11-23T12:00:00Z' }),
      aMessage({ id: 'b', seq: 2, at: '2026-11-23T12:40:00Z' }),
    ];
    const place = (change: Partial<typeof EMPTY_THREAD>) =>
      buildRows({ ...EMPTY_THREAD, items, ...change }, [gap]).map((row) => row.type);
    expect(place({})).toEqual(['top', 'day', 'channel', 'message', 'gap', 'message']);
    expect(place({ items: items.slice(0, 1) })).toEqual(['top', 'day', 'channel', 'message', 'gap']);
    expect(place({ items: items.slice(1), hasMore: true })).toEqual(['top', 'day', 'channel', 'message']);
  });
  it('joins messages of one author within minutes to a run', () => {
    const built = rows(
      { at: '2026-11-23T12:00:00Z' },
      { at: '2026-11-23T12:01:00Z' },
      { at: '2026-11-23T12:30:00Z' },
    ).flatMap((row) => (row.type === 'message' ? [[row.first, row.last]] : []));
    expect(built).toEqual([
      [true, false],
      [false, true],
      [true, true],
    ]);
  });
});

describe('model', () => {
  it('counts the parts that the channel took', () => {
    const part = { id: 'p', index: 0, provider_id: null, text: null, attempts: 1 };
    const parts = [
      { ...part, state: 'delivered' as const },
      { ...part, state: 'held' as const },
    ];
    expect(partsDone(aMessage({ parts }))).toBe(1);
  });
  it('names owners as the hub reads them', () => {
    expect(ownerWord({ kind: 'person', user_id: 'user_2', name: 'J', version: 1 })).toBe('user_2');
    expect(ownerWord({ kind: 'bot', user_id: null, name: null, version: 1 })).toBe('bot');
    expect(ownerWord({ kind: 'nobody', user_id: null, name: null, version: 1 })).toBe('nobody');
  });
});

describe('planOf', () => {
  const plan = (id: string, change: Partial<Plan>) =>
    ({ id, state: 'done', channel: 'sms', at: '2026-11-23T10:00:00Z', ...change }) as Plan;
  const plans = [
    plan('later', { at: '2026-11-23T12:00:00Z' }),
    plan('waits', { state: 'held', channel: null, at: '2026-11-23T11:00:00Z' }),
    plan('moved', {}),
    plan('own', { state: 'overtaken', at: '2026-11-23T09:00:00Z' }),
  ];
  it.each([
    ['its own, whatever came later', { plan_id: 'own' }, 'own'],
    ['one that is not listed any more', { plan_id: 'gone' }, undefined],
    ['the move before it', { channel: 'sms', at: '2026-11-23T11:30:00Z' }, 'moved'],
    ['none before the move', { channel: 'sms', at: '2026-11-23T08:00:00Z' }, undefined],
    ['none on another channel', { channel: 'instagram', at: '2026-11-23T11:30:00Z' }, undefined],
  ] as [string, Partial<Message>, string | undefined][])('is %s', (_, change, id) => {
    expect(planOf(aMessage({ direction: 'out', ...change }), plans)?.id).toBe(id);
  });
});
