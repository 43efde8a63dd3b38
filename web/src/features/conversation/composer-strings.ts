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
    'The reply window is closed: this channel takes an answer only for a while after the customer wrote. It opens again when they write.',
  noteHint: 'You can leave a note for your team.',
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
