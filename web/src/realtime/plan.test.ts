import { describe, expect, it } from 'vitest';
import type { Change } from '../lib/types';
import { plan, ROWS_MAX } from './plan';

const message = (id: string, conversation_id: string): Change => ({ kind: 'message', id, conversation_id });

describe('plan', () => {
  it('reads the messages of loaded threads only, and each row once', () => {
    const effects = plan(
      [message('m1', 'c1'), message('m2', 'c1'), message('m3', 'c2'), { kind: 'conversation', id: 'c1' }],
      new Set(['c1']),
    );
    expect(effects).toEqual([
      { type: 'thread', id: 'c1', messageIds: ['m1', 'm2'] },
      { type: 'row', id: 'c1' },
      { type: 'row', id: 'c2' },
      { type: 'counts' },
    ]);
  });

  it('reads the list once when a flood changes more rows than it is worth reading one by one', () => {
    const flood = Array.from({ length: ROWS_MAX + 1 }, (_, n) => message(`m${n}`, `c${n}`));
    expect(plan(flood, new Set())).toEqual([{ type: 'rows' }, { type: 'counts' }]);
  });

  it('reads leads, accounts and problems once each, however many changed', () => {
    const changes: Change[] = [
      { kind: 'lead', id: 'l1' },
      { kind: 'lead', id: 'l2' },
      { kind: 'account', id: 'a1' },
      { kind: 'problem', id: 'p1' },
      { kind: 'contact', id: 'k1' },
      { kind: 'incident', id: 'i1' },
      { kind: 'incident', id: 'i2' },
      { kind: 'continuity', id: 'p2' },
    ];
    expect(plan(changes, new Set())).toEqual([
      { type: 'contact', id: 'k1' },
      { type: 'leads' },
      { type: 'accounts' },
      { type: 'problems' },
      { type: 'incidents' },
      { type: 'policy' },
    ]);
  });

  it('does nothing for nothing', () => {
    expect(plan([], new Set(['c1']))).toEqual([]);
  });
});
