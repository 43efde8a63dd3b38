import type { Contact, Conversation, ConversationRow, Message } from '../lib/types';

export function aMessage(change: Partial<Message> = {}): Message {
  return {
    id: 'msg_1',
    seq: 1,
    direction: 'in',
    author: { kind: 'customer', id: null, name: 'Amara' },
    text: 'hello',
    attachments: [],
    buttons: [],
    postback: null,
    reply_to: null,
    reactions: [],
    channel: 'whatsapp',
    account_id: 'acct_1',
    at: '2026-11-23T10:00:00Z',
    edited_at: null,
    deleted_at: null,
    late: false,
    class: 'live',
    state: 'received',
    state_at: {},
    held: null,
    error: null,
    plan_id: null,
    parts: [],
    ...change,
  };
}

export function aRow(change: Partial<ConversationRow> = {}): ConversationRow {
  return {
    id: 'conv_1',
    contact: { id: 'cont_1', name: 'Amara' },
    channel: 'whatsapp',
    account: { id: 'acct_1', name: 'Shop' },
    status: 'open',
    owner: { kind: 'nobody', user_id: null, name: null, version: 0 },
    labels: [],
    last_message: null,
    last_customer_at: null,
    unread: 0,
    waiting_since: null,
    held_count: 0,
    sandbox: false,
    updated_at: '2026-11-23T10:00:00Z',
    seq: 1,
    ...change,
  };
}

export function aContact(change: Partial<Contact> = {}): Contact {
  return {
    id: 'cont_1',
    name: 'Amara',
    fields: {},
    labels: [],
    identities: [],
    conversations: [],
    lead: null,
    merges: [],
    created_at: '2026-11-01T10:00:00Z',
    ...change,
  };
}

export function aConversation(change: Partial<Conversation> = {}): Conversation {
  return {
    ...aRow(),
    contact: aContact(),
    snoozed_until: null,
    gaps: [],
    route: {
      identity_id: 'iden_1',
      account_id: 'acct_1',
      channel: 'whatsapp',
      address_label: '+49 151 1',
      proof: 'verified',
      window_closes_at: null,
      can_send: true,
      reason: null,
    },
    composer: {
      text_max: 10,
      text_unit: 'bytes',
      parts_max: 2,
      buttons_max: 3,
      media: [{ kind: 'image', max_bytes: 1000 }],
      replies: true,
      reactions: false,
      templates: false,
    },
    ...change,
  };
}
