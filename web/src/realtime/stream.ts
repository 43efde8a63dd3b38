import { baseHeaders } from '../lib/api';
import type { Change } from '../lib/types';
import { type StreamEvent, sseParser } from './parse-sse';
import type { LiveStatus } from './status';

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 15_000;
/** The hub sends a comment every 15 s; silence for longer means that the line is dead. */
const SILENCE_MAX_MS = 40_000;

/** What the stream tells its page. */
export interface StreamHandlers {
  onChange: (change: Change) => void;
  /** Everything that was read before may be out of date. */
  onReset: () => void;
  onStatus: (status: LiveStatus) => void;
  /** The session has ended. */
  onSignedOut: () => void;
}

type Shared =
  | { type: 'event'; id: string | null; change: Change }
  | { type: 'reset'; id: string | null }
  | { type: 'status'; status: LiveStatus; id: string | null }
  | { type: 'signed-out' }
  | { type: 'hello' };

const sleep = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** Reads one connection until it ends. Returns the answer's status, or 0 where there was none. */
async function read(
  lastId: string | null,
  signal: AbortSignal,
  onOpen: () => void,
  onEvent: (event: StreamEvent) => void,
): Promise<number> {
  const line = new AbortController();
  const stop = () => line.abort();
  signal.addEventListener('abort', stop);
  let silence = setTimeout(stop, SILENCE_MAX_MS);
  try {
    const response = await fetch('/api/v1/stream', {
      headers: {
        Accept: 'text/event-stream',
        ...baseHeaders(),
        ...(lastId ? { 'Last-Event-ID': lastId } : {}),
      },
      credentials: 'same-origin',
      cache: 'no-store',
      signal: line.signal,
    });
    if (!response.ok || !response.body) return response.status;
    onOpen();
    const feed = sseParser(onEvent);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return response.status;
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE_MAX_MS);
      feed(value);
    }
  } catch {
    return 0;
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', stop);
  }
}

/**
 * Follows the hub's changes. All pages of one browser share one connection: the page that holds the lock reads it
 * and passes everything on; when that page closes, another takes over where it stopped. Returns the way to stop.
 */
export function follow(workspace: string, handlers: StreamHandlers): () => void {
  const name = `everthread-stream-${workspace}`;
  const stop = new AbortController();
  const channel = 'BroadcastChannel' in window ? new BroadcastChannel(name) : null;
  let lastId: string | null = null;
  let status: LiveStatus = 'connecting';
  let leading = false;
  let opened = false;

  const take = (message: Shared) => {
    if (message.type === 'event') {
      lastId = message.id ?? lastId;
      handlers.onChange(message.change);
    } else if (message.type === 'reset') {
      lastId = message.id;
      handlers.onReset();
    } else if (message.type === 'status') {
      lastId = message.id ?? lastId;
      status = message.status;
      handlers.onStatus(status);
    } else if (message.type === 'signed-out') {
      handlers.onSignedOut();
    }
  };
  const share = (message: Shared) => {
    take(message);
    channel?.postMessage(message);
  };
  if (channel) {
    channel.onmessage = ({ data }: MessageEvent<Shared>) => {
      if (data.type === 'hello') {
        if (leading) channel.postMessage({ type: 'status', status, id: lastId } satisfies Shared);
      } else if (!leading) {
        take(data);
      }
    };
    channel.postMessage({ type: 'hello' } satisfies Shared);
  }

  const onEvent = (event: StreamEvent) => {
    if (event.event === 'reset') share({ type: 'reset', id: event.id });
    else if (event.event === 'change') {
      share({ type: 'event', id: event.id, change: JSON.parse(event.data) as Change });
    }
  };
  const onOpen = () => {
    share({ type: 'status', status: 'live', id: lastId });
    // Without an id to resume from, what was read before this moment may lack something.
    if (!opened && lastId === null) handlers.onReset();
    opened = true;
  };

  const lead = async () => {
    leading = true;
    let wait = RETRY_MIN_MS;
    while (!stop.signal.aborted) {
      const since = performance.now();
      const answer = await read(lastId, stop.signal, onOpen, onEvent);
      if (stop.signal.aborted) return;
      if (answer === 401) {
        share({ type: 'signed-out' });
        return;
      }
      share({ type: 'status', status: 'reconnecting', id: lastId });
      wait = performance.now() - since > RETRY_MAX_MS ? RETRY_MIN_MS : Math.min(RETRY_MAX_MS, wait * 2);
      await sleep(wait * (0.5 + Math.random() / 2), stop.signal);
    }
  };

  if (navigator.locks && channel) {
    navigator.locks.request(name, { signal: stop.signal }, lead).catch(() => undefined);
  } else {
    void lead();
  }
  return () => {
    stop.abort();
    channel?.close();
  };
}
