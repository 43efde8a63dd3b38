import type { View } from './types';

/** What narrows the conversation list. */
export interface ListFilter {
  view: View;
  channel?: string | undefined;
  label?: string | undefined;
  q?: string | undefined;
}

export interface LeadFilter {
  stage?: string | undefined;
  q?: string | undefined;
}

/** Keys of the query cache, in one place because live changes patch it too. */
export const keys = {
  session: ['session'] as const,
  counts: ['counts'] as const,
  lists: ['conversations'] as const,
  list: (filter: ListFilter) => ['conversations', filter] as const,
  conversations: ['conversation'] as const,
  conversation: (id: string) => ['conversation', id] as const,
  thread: (id: string) => ['thread', id] as const,
  links: (id: string) => ['links', id] as const,
  attempts: (messageId: string) => ['attempts', messageId] as const,
  contacts: ['contact'] as const,
  contact: (id: string) => ['contact', id] as const,
  contactSearch: (q: string) => ['contact', 'search', q] as const,
  mergePlan: (kept: string, gone: string) => ['contact', kept, 'merge', gone] as const,
  leads: ['leads'] as const,
  leadList: (filter: LeadFilter) => ['leads', filter] as const,
  pipelines: ['pipelines'] as const,
  users: ['users'] as const,
  labels: ['labels'] as const,
  accounts: ['accounts'] as const,
  channels: ['channels'] as const,
  problems: ['problems'] as const,
  system: ['system'] as const,
  incidents: ['incidents'] as const,
  openIncidents: ['incidents', 'open'] as const,
  incident: (id: string) => ['incidents', id] as const,
  plans: (conversationId: string) => ['plans', conversationId] as const,
  policy: ['policy'] as const,
  health: ['health'] as const,
  sandbox: ['sandbox'] as const,
};
