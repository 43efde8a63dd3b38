import type { TextUnit } from './types';

const encoder = new TextEncoder();
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Length of `text` in a channel's own unit. */
export function measure(text: string, unit: TextUnit): number {
  if (unit === 'utf16') return text.length;
  if (unit === 'bytes') return encoder.encode(text).length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** How many parts the hub would send `text` in: the rule of its own splitter, at line or word ends, never inside a grapheme. */
export function countParts(text: string, max: number, unit: TextUnit): number {
  if (max <= 0) return 1;
  let parts = 0;
  let rest = text;
  while (measure(rest, unit) > max) {
    const cut = cutAt(rest, max, unit);
    if (rest.slice(0, cut).trim()) parts += 1;
    rest = rest.slice(cut).trimStart();
  }
  return rest ? parts + 1 : Math.max(parts, 1);
}

/** Position of the best cut: the last line break, else word end, in the second half of what fits. */
function cutAt(text: string, max: number, unit: TextUnit): number {
  let used = 0;
  let hard = 0;
  let word = 0;
  let line = 0;
  for (const { segment, index } of segmenter.segment(text)) {
    used += measure(segment, unit);
    const blank = segment.trim() === '';
    if (used > max && hard > 0) {
      if (blank) word = hard;
      break;
    }
    hard = index + segment.length;
    if (used * 2 >= max && blank) {
      if (segment.includes('\n')) line = hard;
      else word = hard;
    }
  }
  return line || word || hard;
}
