/** One event of an event stream. */
export interface StreamEvent {
  id: string | null;
  event: string;
  data: string;
}

/** Reads an event stream piece by piece; pieces may be cut anywhere. Comments keep the line alive and are dropped. */
export function sseParser(onEvent: (event: StreamEvent) => void): (piece: string) => void {
  let rest = '';
  let id: string | null = null;
  let event = 'message';
  let data: string[] = [];

  const line = (text: string) => {
    if (text === '') {
      if (data.length > 0 || event !== 'message') onEvent({ id, event, data: data.join('\n') });
      event = 'message';
      data = [];
      return;
    }
    if (text.startsWith(':')) return;
    const colon = text.indexOf(':');
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') id = value;
    else if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  };

  return (piece) => {
    rest += piece;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const each of lines) line(each);
  };
}
