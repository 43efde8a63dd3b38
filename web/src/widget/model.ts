/** A message as the hub shows it to the customer. */
export interface ChatMessage {
  id: string;
  seq: number;
  from: 'us' | 'you';
  text: string;
  buttons: { title: string; payload?: string; url?: string }[];
  at: string;
  state?: string | null;
}

/** A message that the hub has not confirmed yet; kept in the browser until it has. */
export interface Unsent {
  id: string;
  text: string;
  payload?: string;
  at: string;
  /** The hub will not take it, however often it is tried. */
  refused?: boolean;
}

/** Of a visitor who came by a continuation link: what is known of who they are. */
export interface Proof {
  state: 'unverified' | 'verified';
  /** The channel over which a code would come; none where nobody can be proved now. */
  way: string | null;
  /** Until when the last code can be typed. */
  code_until: string | null;
}

/** What the hub said of a code. */
export type CodeNote = 'too_soon' | 'no_way' | 'over' | 'failed' | { wrong: number };

/** All that the widget draws. */
export interface ChatState {
  phase: 'idle' | 'loading' | 'ready' | 'gone';
  /** False while the line to the hub is down. */
  live: boolean;
  title: string;
  greeting: string | null;
  messages: ChatMessage[];
  unsent: Unsent[];
  lastSeq: number;
  /** The newest message that the customer has looked at. */
  readSeq: number;
  proof: Proof | null;
  note: CodeNote | null;
}

export const START: ChatState = {
  phase: 'idle',
  live: true,
  title: '',
  greeting: null,
  messages: [],
  unsent: [],
  lastSeq: 0,
  readSeq: 0,
  proof: null,
  note: null,
};

export type ChatEvent =
  | { type: 'loading' }
  | { type: 'gone' }
  | { type: 'line'; live: boolean }
  | {
      type: 'session';
      title: string;
      greeting: string | null;
      messages: ChatMessage[];
      lastSeq: number;
      readSeq: number | null;
      proof: Proof | null;
    }
  | { type: 'code'; until: string }
  | { type: 'note'; note: CodeNote }
  | { type: 'message'; message: ChatMessage }
  | { type: 'receipt'; id: string; state: string }
  | { type: 'write'; unsent: Unsent }
  | { type: 'stored'; id: string }
  | { type: 'refused'; id: string }
  | { type: 'read'; seq: number };

function add(messages: ChatMessage[], message: ChatMessage): ChatMessage[] {
  const rest = messages.filter((each) => each.id !== message.id);
  // A message that was stored, but has no place yet, stays at the end.
  const at = rest.findIndex((each) => each.seq > message.seq);
  return at < 0 ? [...rest, message] : [...rest.slice(0, at), message, ...rest.slice(at)];
}

/** A message that the hub has taken, before its place in the conversation is known. */
const UNPLACED = Number.MAX_SAFE_INTEGER;

/** The next state; pure. The same event twice changes nothing. */
export function reduce(state: ChatState, event: ChatEvent): ChatState {
  switch (event.type) {
    case 'loading':
      return { ...state, phase: state.phase === 'ready' ? 'ready' : 'loading' };
    case 'gone':
      return { ...state, phase: 'gone' };
    case 'line':
      return { ...state, live: event.live };
    case 'session': {
      const known = new Set(event.messages.map((message) => message.id));
      return {
        ...state,
        phase: 'ready',
        title: event.title,
        greeting: event.greeting,
        messages: event.messages,
        unsent: state.unsent.filter((each) => !known.has(each.id)),
        lastSeq: event.lastSeq,
        readSeq: event.readSeq ?? event.lastSeq,
        proof: event.proof,
        note: null,
      };
    }
    case 'message':
      return {
        ...state,
        messages: add(state.messages, event.message),
        unsent: state.unsent.filter((each) => each.id !== event.message.id),
        lastSeq: Math.max(state.lastSeq, event.message.seq),
      };
    case 'receipt':
      return {
        ...state,
        messages: state.messages.map((each) =>
          each.id === event.id ? { ...each, state: event.state } : each,
        ),
      };
    case 'write':
      return {
        ...state,
        unsent: [...state.unsent.filter((each) => each.id !== event.unsent.id), event.unsent],
      };
    case 'stored': {
      const sent = state.unsent.find((each) => each.id === event.id);
      if (!sent) return state;
      const message: ChatMessage = {
        id: sent.id,
        seq: UNPLACED,
        from: 'you',
        text: sent.text,
        buttons: [],
        at: sent.at,
      };
      return {
        ...state,
        messages: [...state.messages, message],
        unsent: state.unsent.filter((each) => each.id !== event.id),
      };
    }
    case 'refused':
      return {
        ...state,
        unsent: state.unsent.map((each) => (each.id === event.id ? { ...each, refused: true } : each)),
      };
    case 'code':
      return { ...state, note: null, proof: state.proof && { ...state.proof, code_until: event.until } };
    case 'note':
      return { ...state, note: event.note, proof: noted(state.proof, event.note) };
    case 'read':
      return { ...state, readSeq: Math.max(state.readSeq, event.seq) };
  }
}

/** A code that is over can't be typed any more; where there is no way, none can be sent. */
function noted(proof: Proof | null, note: CodeNote): Proof | null {
  if (note === 'over') return proof && { ...proof, code_until: null };
  return note === 'no_way' ? proof && { ...proof, way: null, code_until: null } : proof;
}

/** Answers that the customer has not looked at. */
export const unreadCount = (state: ChatState): number =>
  state.messages.filter((message) => message.from === 'us' && message.seq > state.readSeq).length;

/** Choices on offer: those of the last message, until the customer answers. */
export function choices(state: ChatState): ChatMessage['buttons'] {
  const last = state.messages[state.messages.length - 1];
  return last?.from === 'us' && state.unsent.length === 0 ? last.buttons : [];
}
