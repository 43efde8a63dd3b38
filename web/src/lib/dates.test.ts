import { describe, expect, it } from 'vitest';
import { age, dayTitle, snoozeTimes, span } from './dates';

const NOW = new Date(2026, 10, 25, 14, 0).getTime();
const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();

describe('dates', () => {
  it.each([
    [0, 'now'],
    [5, '5m'],
    [180, '3h'],
    [60 * 24 * 2, 'Mon'],
    [60 * 24 * 30, 'Oct 26'],
  ])('%i minutes ago is %s', (minutes, text) => {
    expect(age(ago(minutes), NOW)).toBe(text);
  });

  it('names days', () => {
    expect(dayTitle(ago(10), NOW)).toBe('Today');
    expect(dayTitle(ago(60 * 15), NOW)).toBe('Yesterday');
    expect(dayTitle(new Date(2025, 0, 3).toISOString(), NOW)).toBe('January 3, 2025');
  });

  it.each([
    [30_000, 'less than a minute'],
    [40 * 60_000, '40 min'],
    [200 * 60_000, '3 h 20 min'],
    [25 * 3_600_000, '1 day'],
  ])('%i ms is %s', (ms, text) => {
    expect(span(ms)).toBe(text);
  });

  it('offers only times ahead', () => {
    const evening = new Date(2026, 10, 25, 19, 0).getTime();
    expect(snoozeTimes(NOW).map((time) => time.key)).toEqual(['hour', 'evening', 'tomorrow', 'monday']);
    expect(snoozeTimes(evening).map((time) => time.key)).toEqual(['hour', 'tomorrow', 'monday']);
    for (const { at } of snoozeTimes(evening)) expect(at).toBeGreaterThan(evening);
  });
});
