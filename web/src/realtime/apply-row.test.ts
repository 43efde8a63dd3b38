import { describe, expect, it } from 'vitest';
import type { ListFilter } from '../lib/keys';
import { aRow } from '../testing/fixtures';
import { applyRow, type ListData, matches } from './apply-row';

const at = (minute: number) => `2026-11-23T10:${String(minute).padStart(2, '0')}:00Z`;
const OPEN: ListFilter = { view: 'open' };
const list = (pages: [string, number][][], more = false): ListData => ({
  pages: pages.map((rows, index) => ({
    items: rows.map(([id, minute]) => aRow({ id, updated_at: at(minute) })),
    next_cursor: index < pages.length - 1 || more ? `cursor-${index}` : null,
  })),
  pageParams: pages.map(() => null),
});
const ids = (data: ListData) => data.pages.map((page) => page.items.map((row) => row.id));

describe('applyRow', () => {
  const data = list([
    [
      ['a', 50],
      ['b', 40],
    ],
    [
      ['c', 30],
      ['d', 20],
    ],
  ]);

  it('moves a conversation with a new message to the top', () => {
    expect(ids(applyRow(data, aRow({ id: 'c', updated_at: at(59) }), OPEN, 'me'))).toEqual([
      ['c', 'a', 'b'],
      ['d'],
    ]);
  });
  it('adds a new conversation where it belongs', () => {
    expect(ids(applyRow(data, aRow({ id: 'x', updated_at: at(35) }), OPEN, 'me'))).toEqual([
      ['a', 'b'],
      ['x', 'c', 'd'],
    ]);
  });
  it('takes out what left the view', () => {
    expect(ids(applyRow(data, aRow({ id: 'b', status: 'resolved' }), OPEN, 'me'))).toEqual([
      ['a'],
      ['c', 'd'],
    ]);
  });
  it('leaves rows beyond the loaded end to paging', () => {
    const more = list([[['a', 50]]], true);
    expect(ids(applyRow(more, aRow({ id: 'x', updated_at: at(1) }), OPEN, 'me'))).toEqual([['a']]);
  });
  it('adds at the end of a list that is loaded whole', () => {
    expect(ids(applyRow(data, aRow({ id: 'x', updated_at: at(1) }), OPEN, 'me'))).toEqual([
      ['a', 'b'],
      ['c', 'd', 'x'],
    ]);
  });
  it('in a search it changes rows in place and adds none', () => {
    const search: ListFilter = { view: 'open', q: 'cup' };
    expect(ids(applyRow(data, aRow({ id: 'x', updated_at: at(59) }), search, 'me'))).toEqual(ids(data));
    const changed = applyRow(data, aRow({ id: 'd', unread: 3 }), search, 'me');
    expect(changed.pages[1]?.items[1]?.unread).toBe(3);
  });
  it('changes nothing of its input', () => {
    const before = JSON.stringify(data);
    applyRow(data, aRow({ id: 'c', updated_at: at(59) }), OPEN, 'me');
    expect(JSON.stringify(data)).toBe(before);
  });
});

describe('matches', () => {
  const mine = { kind: 'person', user_id: 'me', name: 'Me', version: 1 } as const;
  it.each([
    ['mine', aRow({ owner: mine }), true],
    ['mine', aRow({ owner: mine, status: 'resolved' }), false],
    ['unassigned', aRow(), true],
    ['unassigned', aRow({ owner: mine }), false],
    ['pending', aRow({ status: 'pending' }), true],
    ['unassigned', aRow({ status: 'pending' }), false],
    ['all', aRow({ status: 'resolved' }), true],
  ] as const)('%s', (view, row, verdict) => {
    expect(matches(row, { view }, 'me')).toBe(verdict);
  });
  it('heeds channel and label', () => {
    expect(matches(aRow(), { view: 'all', channel: 'telegram' }, 'me')).toBe(false);
    expect(matches(aRow({ labels: ['vip'] }), { view: 'all', label: 'vip' }, 'me')).toBe(true);
  });
});
