/** The words of `/api/v1`, as the console uses them. Times are RFC 3339 UTC, ids are opaque. */

import type { ConversationGap } from './continuity-types';

export type * from './continuity-types';

export type MessageState =
  | 'received'
  | 'queued'
  | 'held'
  | 'sending'
  | 'uncertain'
  | 'unconfirmed'
  | 'accepted'
  | 'delivered'
  | 'read'
  | 'failed'
  | 'cancelled';

export type ConversationStatus = 'open' | 'pending' | 'snoozed' | 'resolved';
export type View = 'open' | 'mine' | 'unassigned' | 'pending' | 'snoozed' | 'resolved' | 'all';
export type TextUnit = 'bytes' | 'chars' | 'utf16';

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface Owner {
  kind: 'nobody' | 'bot' | 'person';
  user_id: string | null;
  name: string | null;
  version: number;
}

export interface LastMessage {
  direction: 'in' | 'out' | 'note';
  text: string;
  at: string;
  state: MessageState;
  author: string | null;
}

export interface ConversationRow {
  id: string;
  contact: { id: string; name: string; avatar_seed?: string };
  channel: string | null;
  account: { id: string; name: string } | null;
  status: ConversationStatus;
  owner: Owner;
  labels: string[];
  last_message: LastMessage | null;
  last_customer_at: string | null;
  unread: number;
  waiting_since: string | null;
  held_count: number;
  sandbox: boolean;
  updated_at: string;
  seq: number;
}

export interface Route {
  identity_id: string;
  account_id: string;
  channel: string;
  address_label: string;
  /** `invited`: came by a continuation link and has not proved to be the customer. */
  proof: 'claimed' | 'invited' | 'verified';
  window_closes_at: string | null;
  can_send: boolean;
  reason: string | null;
}

export interface ComposerLimits {
  text_max: number;
  text_unit: TextUnit;
  parts_max: number;
  buttons_max: number;
  media: { kind: string; max_bytes: number }[];
  replies: boolean;
  reactions: boolean;
  templates: boolean;
}

export interface Conversation extends Omit<ConversationRow, 'contact'> {
  contact: Contact;
  snoozed_until: string | null;
  route: Route | null;
  composer: ComposerLimits | null;
  gaps: ConversationGap[];
}

export interface Author {
  kind: 'customer' | 'person' | 'bot' | 'app' | 'system';
  id: string | null;
  name: string | null;
}

export interface Attachment {
  id: string | null;
  kind: string;
  mime: string | null;
  name: string | null;
  size: number | null;
  status: 'pending' | 'ready' | 'failed' | 'gone';
  url: string | null;
  note: string | null;
}

export interface MessageButton {
  title: string;
  payload?: string;
  url?: string;
}

export interface Part {
  id: string;
  index: number;
  state: MessageState;
  provider_id: string | null;
  text: string | null;
  attempts: number;
}

export interface Message {
  id: string;
  /** The browser's own id of a message it sent, where the server gives it back. */
  client_id?: string | null;
  seq: number;
  direction: 'in' | 'out' | 'note';
  author: Author;
  text: string;
  attachments: Attachment[];
  buttons: MessageButton[];
  postback: string | null;
  /** What it is about, on channels that have a line for it (e-mail). */
  subject?: string | null;
  reply_to: { id: string | null; text: string | null } | null;
  reactions: { by: string; emoji: string }[];
  channel: string | null;
  account_id: string | null;
  at: string;
  edited_at: string | null;
  deleted_at: string | null;
  late: boolean;
  /** From somebody who came by a continuation link and has not proved to be the customer. */
  unverified?: boolean;
  class: string | null;
  state: MessageState;
  state_at: Partial<Record<MessageState, string>>;
  held: { reason: string; until: string | null } | null;
  /** Accepted, and no receipt came before its channel was known to fail. */
  stuck?: { since: string; reached_at: string | null } | null;
  error: { class: string; code: string; text: string; next_step: string | null } | null;
  /** The decision where it goes and why, once a fault asked for one. */
  plan_id: string | null;
  parts: Part[];
}

/** A link into the web chat; its address is told to who made it, once. */
export interface ContinuationLink {
  id: string;
  state: 'open' | 'opened' | 'expired' | 'revoked';
  made_by: string | null;
  created_at: string;
  expires_at: string;
  opened_at: string | null;
}

export interface MessagePage {
  items: Message[];
  has_more: boolean;
}

export interface Attempt {
  id: string;
  part_index: number;
  number: number;
  started_at: string;
  ended_at: string | null;
  outcome: string | null;
  class: string | null;
  code: string | null;
  text: string | null;
  request: string | null;
  response: string | null;
  retry_at: string | null;
}

export interface Consent {
  purpose: string;
  wording: string;
  at: string;
  source: string;
  withdrawn_at: string | null;
}

export interface Identity {
  id: string;
  kind: string;
  value_label: string;
  channel: string | null;
  account: string | null;
  proof: 'claimed' | 'invited' | 'verified';
  reachable: boolean;
  consents: Consent[];
}

export interface Contact {
  id: string;
  name: string;
  fields: Record<string, unknown>;
  labels: string[];
  identities: Identity[];
  conversations: ConversationRow[];
  lead: Lead | null;
  /** What was merged into it, newest first; the newest can be taken back. */
  merges: { contact_id: string; at: string; by: string | null }[];
  created_at: string;
}

export interface ContactRow {
  id: string;
  name: string;
  channels: string[];
  created_at: string;
}

/** What a merge would do. */
export interface MergePlan {
  name: string | null;
  conflicts: { field: string; kept: string; gone: string }[];
  identities: number;
  conversations: number;
  consents: number;
  leads: number;
  lines: string[];
}

export interface Stage {
  id: string;
  name: string;
  position: number;
  kind: 'open' | 'won' | 'lost';
}

export interface Pipeline {
  id: string;
  name: string;
  stages: Stage[];
}

export interface Lead {
  id: string;
  contact: { id: string; name: string };
  stage_id: string;
  conversation_id: string | null;
  fields: Record<string, unknown>;
  source_channel: string | null;
  created_at: string;
  updated_at: string;
}

export interface User {
  id: string;
  name: string;
  email: string;
  role: string;
}

export interface Account {
  id: string;
  channel: string;
  title: string;
  name: string;
  status: 'active' | 'stopped';
  problem: string | null;
  webhook_path: string | null;
  settings: Record<string, string>;
  sandbox: boolean;
  last_in_at: string | null;
  last_out_at: string | null;
}

export interface FieldSpec {
  name: string;
  required: boolean;
  help: string;
}

export interface ChannelSpec {
  name: string;
  title: string;
  /** What it fails together with, e.g. `meta`. */
  fate: string[];
  settings: FieldSpec[];
  secrets: FieldSpec[];
}

export interface Problem {
  id: string;
  account: string | null;
  channel: string | null;
  /** The rule that fails. */
  rule: { id: string; name: string } | null;
  reason: string;
  /** It happens again and again for one cause; nothing that came in is missing because of it. */
  recurring: boolean;
  count: number;
  /** When it first happened. */
  at: string;
  last_at: string;
  /** What came in; of a recurring one, the newest. */
  raw: string;
}

export interface SystemInfo {
  version: string;
  sandbox: boolean;
  apply_lag: number;
  journal_bytes: number;
  problems: number;
}

export type Counts = Record<View, number>;

export interface Change {
  kind: 'conversation' | 'message' | 'contact' | 'lead' | 'account' | 'problem' | 'incident' | 'continuity';
  id: string;
  conversation_id?: string | null;
}
