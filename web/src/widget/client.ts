import {
  type ChatEvent,
  type ChatMessage,
  type ChatState,
  type Proof,
  reduce,
  START,
  type Unsent,
} from './model';

const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30_000;

/** What is kept in the browser: who the customer is, what is not sent yet, what was seen. */
interface Kept {
  token?: string;
  unsent?: Unsent[];
  read?: number;
}

interface SessionAnswer {
  token: string;
  title: string;
  greeting: string | null;
  messages: ChatMessage[];
  last_seq: number;
  proof: Proof | null;
}

/** The chat with one hub: session, stored-and-forwarded messages, live events with resume. */
export class ChatClient {
  state: ChatState = START;
  private readonly listeners = new Set<() => void>();
  private readonly url: string;
  private readonly storeKey: string;
  private kept: Kept = {};
  private events: EventSource | null = null;
  private wait = RETRY_MIN_MS;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private sending = false;
  private starting = false;

  /** `session`: the visitor that a continuation link made of this browser. */
  constructor(base: string, key: string, session?: string) {
    this.url = `${base}/chat/${encodeURIComponent(key)}`;
    this.storeKey = `everthread.chat.${key}`;
    try {
      this.kept = JSON.parse(localStorage.getItem(this.storeKey) ?? '{}') as Kept;
    } catch {
      // Nothing kept, or storage is refused: the chat lasts as long as the page.
    }
    // What an earlier visitor of this browser left unsent is not this one's.
    if (session && session !== this.kept.token) {
      this.kept = {};
      this.keep({ token: session });
    }
    for (const unsent of this.kept.unsent ?? []) this.apply({ type: 'write', unsent });
    addEventListener('online', () => this.retryNow());
    document.addEventListener(
      'visibilitychange',
      () => document.visibilityState === 'visible' && this.retryNow(),
    );
  }

  /** True where this browser has talked here before. */
  get known(): boolean {
    return this.kept.token !== undefined;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Opens the session, or goes on with the one that is kept. */
  async start(): Promise<void> {
    if (this.events || this.starting) return;
    this.starting = true;
    this.apply({ type: 'loading' });
    try {
      const response = await this.post('session', this.kept.token ? { token: this.kept.token } : {});
      if (response.status === 404) {
        this.apply({ type: 'gone' });
        return;
      }
      if (!response.ok) throw new Error(String(response.status));
      const session = (await response.json()) as SessionAnswer;
      this.keep({ token: session.token });
      this.apply({
        type: 'session',
        title: session.title,
        greeting: session.greeting,
        messages: session.messages,
        lastSeq: session.last_seq,
        readSeq: this.kept.read ?? null,
        proof: session.proof,
      });
      this.wait = RETRY_MIN_MS;
      this.listen();
      void this.flush();
    } catch {
      this.later();
    } finally {
      this.starting = false;
    }
  }

  /** Writes a message: kept first, then sent; it goes out once, however often it is tried. */
  write(text: string, payload?: string): void {
    const unsent: Unsent = {
      id: crypto.randomUUID(),
      text,
      at: new Date().toISOString(),
      ...(payload ? { payload } : {}),
    };
    this.apply({ type: 'write', unsent });
    this.keep({ unsent: this.state.unsent });
    if (this.state.phase === 'ready') void this.flush();
    else void this.start();
  }

  /** Tells the hub how far the customer has read. */
  read(): void {
    let seq = 0;
    for (const message of this.state.messages) if (message.from === 'us') seq = message.seq;
    if (seq <= this.state.readSeq) return;
    this.apply({ type: 'read', seq });
    this.keep({ read: seq });
    this.post('read', { seq }).catch(() => undefined);
  }

  /** Asks for a code over another address of the customer's. */
  async askCode(): Promise<void> {
    const said = await this.said('code', {});
    if (said.state === 'sent' && said.until) this.apply({ type: 'code', until: said.until });
    else if (said.state === 'too_soon' || said.state === 'no_way')
      this.apply({ type: 'note', note: said.state });
    else this.apply({ type: 'note', note: 'failed' });
  }

  /** Tries a code. When it is right, the session opens anew, with the conversation so far. */
  async tryCode(code: string): Promise<void> {
    const said = await this.said('code/check', { code });
    if (said.state === 'verified') this.reopen();
    else if (said.state === 'wrong') this.apply({ type: 'note', note: { wrong: said.tries_left ?? 0 } });
    else this.apply({ type: 'note', note: said.state === 'over' ? 'over' : 'failed' });
  }

  private async said(
    path: string,
    body: unknown,
  ): Promise<{ state?: string; until?: string; tries_left?: number }> {
    try {
      const response = await this.post(path, body);
      return response.ok ? await response.json() : {};
    } catch {
      return {};
    }
  }

  private reopen(): void {
    this.stop();
    void this.start();
  }

  private apply(event: ChatEvent): void {
    this.state = reduce(this.state, event);
    for (const listener of this.listeners) listener();
  }

  private keep(change: Kept): void {
    this.kept = { ...this.kept, ...change };
    try {
      localStorage.setItem(this.storeKey, JSON.stringify(this.kept));
    } catch {
      // See the constructor.
    }
  }

  private post(path: string, body: unknown): Promise<Response> {
    const headers: Record<string, string> = { 'Content-Type': 'application/json' };
    if (this.kept.token) headers.Authorization = `Bearer ${this.kept.token}`;
    return fetch(`${this.url}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  /** Sends what waits, in order, one after the other. */
  private async flush(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    try {
      for (let next = this.next(); next; next = this.next()) {
        const { id, text, payload } = next;
        const response = await this.post('messages', { id, text, ...(payload ? { payload } : {}) });
        if (response.status === 401) {
          // The kept token is no longer known: a new session takes over what waits.
          this.keep({ token: undefined as never });
          this.stop();
          this.later();
          return;
        }
        if (response.status === 429 || response.status >= 500) throw new Error(String(response.status));
        this.apply({ type: response.ok ? 'stored' : 'refused', id });
        this.keep({ unsent: this.state.unsent });
        this.wait = RETRY_MIN_MS;
      }
      this.apply({ type: 'line', live: true });
    } catch {
      this.later();
    } finally {
      this.sending = false;
    }
  }

  private next(): Unsent | undefined {
    return this.state.unsent.find((each) => !each.refused);
  }

  private stop(): void {
    this.events?.close();
    this.events = null;
  }

  /** Follows the conversation from the last message that is known. */
  private listen(): void {
    this.stop();
    const token = encodeURIComponent(this.kept.token ?? '');
    const events = new EventSource(`${this.url}/events?token=${token}&after=${this.state.lastSeq}`);
    this.events = events;
    events.onopen = () => {
      this.wait = RETRY_MIN_MS;
      this.apply({ type: 'line', live: true });
      void this.flush();
    };
    events.addEventListener('message', (event) => {
      this.apply({ type: 'message', message: JSON.parse(event.data) as ChatMessage });
      this.keep({ unsent: this.state.unsent });
    });
    events.addEventListener('receipt', (event) => {
      const { id, state } = JSON.parse((event as MessageEvent<string>).data) as { id: string; state: string };
      this.apply({ type: 'receipt', id, state });
    });
    // What the customer may see has changed.
    events.addEventListener('proof', () => this.reopen());
    events.onerror = () => {
      // The browser would resume from where this line began; a new one resumes from where it ended.
      this.stop();
      this.later();
    };
  }

  private later(): void {
    this.apply({ type: 'line', live: false });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(RETRY_MAX_MS, this.wait * 2);
  }

  private retryNow(): void {
    if (this.state.live || this.state.phase === 'idle') return;
    this.wait = RETRY_MIN_MS;
    clearTimeout(this.timer);
    this.again();
  }

  private again(): void {
    if (this.state.phase !== 'ready' || !this.kept.token) void this.start();
    else if (!this.events) this.listen();
    else void this.flush();
  }
}
