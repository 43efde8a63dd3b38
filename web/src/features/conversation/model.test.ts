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
