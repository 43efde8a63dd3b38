export type Phase = 'suspect' | 'confirmed' | 'recovering' | 'closed';

/** What is or was down. */
export interface Incident {
  id: string;
  number: number;
  what: string;
  sure: string;
  shares: { what: string; share: number }[];
  direction: 'send' | 'auth' | 'delivery' | 'webhook' | 'inbound';
  phase: Phase;
  scope: 'account' | 'channel' | 'company' | 'network';
  avoided: string;
  declared: boolean;
  simulated: boolean;
  since: string;
  confirmed_at: string | null;
  recovering_at: string | null;
  closed_at: string | null;
}

/** What was read back from a platform after an outage. */
export interface HistoryReport {
  account: string;
  channel: string | null;
  state: 'reading' | 'waiting' | 'done';
  complete: boolean;
  since: string;
  next_at: string | null;
  reason: string | null;
  platform: number;
  known: number;
  added: number;
  unreadable: number;
  ambiguous: number;
  unread_conversations: number;
  left: {
    customer: string;
    conversation_id: string | null;
    unreadable: number;
    ambiguous: number;
    reason: string | null;
  }[];
}

/** What may be missing on an account whose platform can’t be read back. */
export interface IncidentGap {
  account: string;
  channel: string | null;
  since: string;
  until: string;
  conversations: number;
}

/** A time in which messages of a customer may be missing. */
export interface ConversationGap {
  channel: string;
  channel_title: string;
  since: string;
  until: string;
  incident_id: string;
  incident_number: number;
}

export interface IncidentDetail extends Incident {
  evidence: { account: string; signal: string; bad: number; good: number; detail: string }[];
  timeline: { at: string; kind: string; text: string }[];
  counts: { carried: number; away: number; suggested: number; held: number; messages: number };
  groups: { state: PlanState; channel: string | null; why: string | null; count: number }[];
  history: HistoryReport[];
  gaps: IncidentGap[];
}

export type PlanState = 'held' | 'suggested' | 'done' | 'overtaken' | 'returned';

/** A recorded decision where a conversation goes, and why. */
export interface Plan {
  id: string;
  conversation: string;
  contact: string | null;
  state: PlanState;
  channel: string | null;
  decision: string;
  ways: string[];
  chosen: number | null;
  choices: { way: number; channel: string; account_id: string }[];
  incident: number | null;
  by: string | null;
  at: string;
}

export interface SandboxFault {
  id: number;
  platform: string;
  account: string | null;
  component: string;
  kind: string;
  share: number;
  starts_at: string;
  ends_at: string | null;
  hits: number;
}

/** The simulated platforms beside the hub. */
export interface Sandbox {
  running: boolean;
  dial: number;
  platforms: { platform: string; company: string; components: string[] }[];
  accounts: { id: string; platform: string; name: string }[];
  faults: SandboxFault[];
}
