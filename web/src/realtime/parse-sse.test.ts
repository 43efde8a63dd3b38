import { describe, expect, it } from 'vitest';
import { type StreamEvent, sseParser } from './parse-sse';

const TEXT = ': hello\n\nid: 7\nevent: change\ndata: {"a":\ndata: 1}\n\r\nevent: reset\n\ndata:x\n\n';

function read(pieces: string[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const feed = sseParser((event) => events.push(event));
  for (const piece of pieces) feed(piece);
  return events;
}

describe('sseParser', () => {
  const whole = read([TEXT]);
  it('reads events, joins lines, drops comments, keeps the id', () => {
    expect(whole).toEqual([
      { id: '7', event: 'change', data: '{"a":\n1}' },
      { id: '7', event: 'reset', data: '' },
      { id: '7', event: 'message', data: 'x' },
    ]);
  });
  it('reads the same wherever the pieces are cut', () => {
    for (let cut = 1; cut < TEXT.length; cut += 1) {
      expect(read([TEXT.slice(0, cut), TEXT.slice(cut)])).toEqual(whole);
    }
    expect(read([...TEXT])).toEqual(whole);
  });
});
