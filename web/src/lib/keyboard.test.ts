import { describe, expect, it } from 'vitest';
import { actionFor, type KeyPress, step } from './keyboard';

const BINDINGS = { j: 'next', Escape: 'leave', '?': 'help', '/': 'search' };
const press = (key: string, change: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  typing: false,
  overlay: false,
  ...change,
});

describe('actionFor', () => {
  it.each([
    ['a letter', press('j'), 'next'],
    ['caps lock', press('J'), 'next'],
    ['shift and a letter', press('J', { shiftKey: true }), null],
    ['a question mark needs shift', press('?', { shiftKey: true }), 'help'],
    ['a letter while typing', press('j', { typing: true }), null],
    ['a slash while typing', press('/', { typing: true }), null],
    ['Escape while typing', press('Escape', { typing: true }), 'leave'],
    ['Escape with a dialog open', press('Escape', { overlay: true }), null],
    ['a browser shortcut', press('j', { ctrlKey: true }), null],
    ['an unknown key', press('x'), null],
  ])('%s', (_, given, action) => {
    expect(actionFor(given, BINDINGS)).toBe(action);
  });
});

describe('step', () => {
  it.each([
    ['starts at the first', ['a', 'b'], null, 1, 'a'],
    ['goes on', ['a', 'b'], 'a', 1, 'b'],
    ['stops at the end', ['a', 'b'], 'b', 1, 'b'],
    ['goes back', ['a', 'b'], 'b', -1, 'a'],
    ['stops at the beginning', ['a', 'b'], 'a', -1, 'a'],
    ['has nowhere to go', [], null, 1, null],
  ] as const)('%s', (_, ids, current, by, next) => {
    expect(step(ids, current, by)).toBe(next);
  });
});
