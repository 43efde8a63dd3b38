import { describe, expect, it } from 'vitest';
import { countParts, measure } from './length';

describe('measure', () => {
  it.each([
    ['abc', 'bytes', 3],
    ['é', 'bytes', 2],
    ['ส', 'bytes', 3],
    ['👨‍👩‍👧', 'utf16', 8],
    ['👨‍👩‍👧', 'chars', 5],
    ['', 'utf16', 0],
  ] as const)('%s in %s is %i', (text, unit, length) => {
    expect(measure(text, unit)).toBe(length);
  });
});

describe('countParts', () => {
  it.each([
    ['aaa bbb ccc', 7, 'chars', 2],
    ['abcdef', 3, 'chars', 2],
    ['', 3, 'chars', 1],
    ['👨‍👩‍👧👨‍👩‍👧', 18, 'bytes', 2],
    ['short', 1000, 'bytes', 1],
  ] as const)('%s at %i %s goes in %i', (text, max, unit, parts) => {
    expect(countParts(text, max, unit)).toBe(parts);
  });

  it('needs five parts of 1000 bytes for 1500 Thai characters', () => {
    expect(countParts('สวัสดีครับ'.repeat(150), 1000, 'bytes')).toBe(5);
  });

  it('never cuts a family in two, even where none fits', () => {
    expect(countParts('👨‍👩‍👧👨‍👩‍👧', 3, 'utf16')).toBe(2);
  });
});
