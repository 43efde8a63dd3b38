import type { Pipeline } from '../../lib/types';

export type Match = 'word' | 'contains' | 'exact' | 'starts';

export type Trigger =
  | { type: 'message' }
  | { type: 'keyword'; words: string[]; match?: Match }
  | { type: 'first_contact' }
  | { type: 'postback'; payload: string };

export interface ReplyButton {
  title: string;
  payload?: string;
  url?: string;
}

export type Action =
  | { type: 'reply'; text: string; buttons?: ReplyButton[] }
  | { type: 'ask'; text: string; field: string; kind?: 'text' | 'phone' | 'email'; wording?: string }
  | { type: 'set_field'; field: string; value: string }
  | { type: 'label'; add?: string[]; remove?: string[] }
  | { type: 'assign'; to: string }
  | { type: 'lead'; pipeline: string; stage: string }
  | { type: 'hand_over'; note?: string }
  | { type: 'webhook'; webhook: string };

export interface Condition {
  type: string;
  any_of?: string[];
  [key: string]: unknown;
}

export interface Rule {
  id: string;
  name: string;
  enabled: boolean;
  position: number;
  trigger: Trigger;
  conditions?: Condition[];
  actions: Action[];
  stop?: boolean;
}

export interface Webhook {
  id: string;
  name: string;
  url: string;
  created_at: string;
  queued: number;
  failed: number;
  last_done_at: string | null;
}

export interface Delivery {
  id: string;
  event_id: string;
  state: 'queued' | 'done' | 'failed';
  tries: number;
  last_status: number | null;
  last_error: string | null;
  created_at: string;
}

const either = new Intl.ListFormat('en', { type: 'disjunction' });
const both = new Intl.ListFormat('en', { type: 'conjunction' });
const quoted = (words: string[]) => either.format(words.map((word) => `“${word}”`));
const cut = (text: string) => (text.length > 60 ? `${text.slice(0, 57).trimEnd()}…` : text);

function when(trigger: Trigger): string {
  switch (trigger.type) {
    case 'keyword':
      return `When somebody writes ${quoted(trigger.words)}`;
    case 'first_contact':
      return 'When somebody writes for the first time';
    case 'postback':
      return `When the button ${trigger.payload} is pressed`;
    default:
      return 'When somebody writes';
  }
}

function holds(condition: Condition): string {
  const any = condition.any_of ?? [];
  switch (condition.type) {
    case 'channel':
      return `on ${either.format(any)}`;
    case 'text':
      return `with ${quoted(any)}`;
    case 'label':
      return `labelled ${either.format(any)}`;
    case 'owner':
      return `while ${either.format(any)} has the conversation`;
    case 'hours':
      return 'in these hours';
    default:
      return `if ${condition.type}`;
  }
}

function does(action: Action): string {
  switch (action.type) {
    case 'reply':
      return `reply “${cut(action.text)}”`;
    case 'ask':
      return `ask “${cut(action.text)}” and keep the answer as ${action.field}`;
    case 'set_field':
      return `set ${action.field} to “${cut(action.value)}”`;
    case 'label':
      return both.format([
        ...(action.add?.length ? [`label ${action.add.join(', ')}`] : []),
        ...(action.remove?.length ? [`take ${action.remove.join(', ')} off`] : []),
      ]);
    case 'assign':
      return `give it to ${action.to}`;
    case 'lead':
      return `make a lead in ${action.pipeline}, ${action.stage}`;
    case 'webhook':
      return `call ${action.webhook}`;
    default:
      return 'hand over to people';
  }
}

/** A rule in one sentence that anybody understands. */
export function sentence(rule: Pick<Rule, 'trigger' | 'conditions' | 'actions' | 'stop'>): string {
  const start = [when(rule.trigger), ...(rule.conditions ?? []).map(holds)].join(' ');
  const rest = both.format(rule.actions.map(does));
  return `${start}: ${rest}${rule.stop ? '; later rules are not looked at' : ''}.`;
}

/** An action of a kind, with what it needs left open. */
export function blank(kind: Action['type'], pipelines: Pipeline[]): Action {
  const pipeline = pipelines[0];
  switch (kind) {
    case 'ask':
      return { type: 'ask', text: '', field: 'email', kind: 'email', wording: '' };
    case 'label':
      return { type: 'label', add: [] };
    case 'lead':
      return { type: 'lead', pipeline: pipeline?.name ?? '', stage: pipeline?.stages[0]?.name ?? '' };
    case 'hand_over':
      return { type: 'hand_over' };
    case 'webhook':
      return { type: 'webhook', webhook: '' };
    case 'set_field':
      return { type: 'set_field', field: '', value: '' };
    case 'assign':
      return { type: 'assign', to: 'nobody' };
    default:
      return { type: 'reply', text: '' };
  }
}

/** What the API takes: nothing that is empty and optional. */
export function tidy(rule: Omit<Rule, 'id' | 'position'>): Omit<Rule, 'id' | 'position'> {
  const actions = rule.actions.map((action) => {
    if (action.type === 'ask' && !action.wording?.trim()) {
      const { wording: _, ...rest } = action;
      return rest;
    }
    return action;
  });
  return { ...rule, name: rule.name.trim(), actions };
}

/** Rules to start from. */
export const TEMPLATES: Omit<Rule, 'id' | 'position'>[] = [
  {
    name: 'Greet',
    enabled: true,
    trigger: { type: 'first_contact' },
    actions: [
      { type: 'reply', text: 'Hello {{ contact.first_name | default("there") }}! We answer in a moment.' },
    ],
  },
  {
    name: 'Opening hours',
    enabled: true,
    trigger: { type: 'keyword', words: ['open', 'hours'] },
    actions: [{ type: 'reply', text: 'We are open Monday to Saturday, 9:00 to 19:00.' }],
    stop: true,
  },
  {
    name: 'Collect an e-mail address',
    enabled: true,
    trigger: { type: 'first_contact' },
    actions: [
      {
        type: 'ask',
        text: 'What is your e-mail address, in case this channel fails?',
        field: 'email',
        kind: 'email',
        wording: 'If this channel fails we go on with you by e-mail, and write there about nothing else.',
      },
    ],
  },
  {
    name: 'Talk to a person',
    enabled: true,
    trigger: { type: 'keyword', words: ['human', 'agent', 'person'] },
    actions: [{ type: 'reply', text: 'Of course. A colleague takes over from here.' }, { type: 'hand_over' }],
    stop: true,
  },
];
