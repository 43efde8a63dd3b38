import { bytes, plural } from '../../lib/i18n';
import type { TextUnit } from '../../lib/types';

export const composerWords = {
  reply: 'Reply',
  note: 'Note',
  mode: 'Write as',
  replyTo: (name: string) => `Reply to ${name}…`,
  noteTo: 'A note for your team…',
  replyLabel: 'Reply',
  noteLabel: 'Note for the team',
  send: 'Send',
  saveNote: 'Add note',
  via: (address: string) => address,
  attach: 'Attach a file',
  remove: (name: string) => `Remove ${name}`,
  uploading: 'uploading…',
  stopReply: 'Do not reply to this message',
  replyingTo: 'In reply to',
  units: {
    bytes: 'bytes',
    chars: 'characters',
    utf16: 'characters',
  } satisfies Record<TextUnit, string>,
  parts: (count: number) => plural(count, { one: 'in # part', other: 'in # parts' }),
  tooLong: (max: number) => `too long: at most ${plural(max, { one: '# part', other: '# parts' })}`,
  closes: (span: string) => `Reply window closes in ${span}`,
  readOnly: 'Your role can read conversations, but not answer.',
  noRoute: 'There is no address that we could answer to.',
  cannotSend: 'This conversation can’t be answered now.',
  windowClosed:
    'The reply window is closed: this channel takes an answer only for a while after the customer wrote.',
  windowNext: 'It opens again when the customer writes. You can leave a note for your team.',
  windowNextTemplate: 'Send an approved template, or wait until the customer writes again.',
  reasons: {
    window_closed:
      'The reply window is closed: this channel takes an answer only for a while after the customer wrote.',
    account_stopped:
      'The account is stopped: its access was withdrawn or it was removed. Connect it again under Channels.',
    auth: 'The account must be connected again, under Channels.',
    unreachable: 'The customer can’t be reached here: they blocked the account or left the channel.',
    opted_out: 'The customer asked not to be written to.',
    no_route: 'There is no address that we could answer to.',
  } as Record<string, string>,
  template: 'Send a template',
  templateText: 'WhatsApp takes templates that it has approved, also outside the reply window.',
  templateName: 'Name, as approved',
  templateLanguage: 'Language code',
  templateParams: 'Values for its placeholders, one a line',
  refused: {
    kind: (name: string) => `${name}: this channel does not take this kind of file.`,
    size: (name: string, max: number) => `${name} is too large: this channel takes up to ${bytes(max)}.`,
  },
  dropHere: 'Drop to attach',
};
