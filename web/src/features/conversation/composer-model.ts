import { countParts, measure } from '../../lib/length';
import type { ComposerLimits, Conversation } from '../../lib/types';
import type { composerWords } from './composer-strings';

export type Mode = 'reply' | 'note';

/** A file that waits in the composer. */
export interface Draft {
  key: string;
  name: string;
  kind: string;
  size: number;
  mediaId: string | null;
  error: string | null;
}

/** What the counter shows. */
export interface Count {
  used: number;
  max: number;
  parts: number;
  over: boolean;
  /** Close enough to a limit to be worth showing. */
  shown: boolean;
}

/** Counts a text in the channel's own unit and in parts. */
export function count(text: string, limits: ComposerLimits): Count {
  const used = measure(text, limits.text_unit);
  const parts = used > limits.text_max ? countParts(text, limits.text_max, limits.text_unit) : 1;
  return {
    used,
    max: limits.text_max,
    parts,
    over: parts > limits.parts_max,
    shown: used * 10 >= limits.text_max * 7,
  };
}

/** Why no reply can be written now; null where one can. */
export function closedReason(
  conversation: Conversation,
  role: string,
  now: number,
  words: typeof composerWords,
): string | null {
  if (role === 'viewer') return words.readOnly;
  const { route } = conversation;
  if (!route) return words.noRoute;
  if (!route.can_send) return route.reason ?? words.cannotSend;
  if (route.window_closes_at && Date.parse(route.window_closes_at) <= now) return words.windowClosed;
  return null;
}

/** The kind under which a file can go out on this channel, or why it can't. */
export function fitFile(
  file: { name: string; type: string; size: number },
  limits: ComposerLimits,
): { kind: string } | { refused: 'kind' | 'size'; max: number } {
  const first = file.type.split('/')[0] ?? '';
  const wanted = ['image', 'video', 'audio'].includes(first) ? [first, 'file'] : ['file'];
  let tooLarge = 0;
  for (const kind of wanted) {
    const limit = limits.media.find((media) => media.kind === kind);
    if (!limit) continue;
    if (file.size <= limit.max_bytes) return { kind };
    tooLarge = Math.max(tooLarge, limit.max_bytes);
  }
  return tooLarge > 0 ? { refused: 'size', max: tooLarge } : { refused: 'kind', max: 0 };
}

/** True where there is something to send and nothing in the way. */
export function canSend(text: string, files: Draft[], counted: Count | null, closed: string | null): boolean {
  if (closed !== null || counted?.over) return false;
  if (files.some((file) => file.mediaId === null)) return false;
  return text.trim() !== '' || files.length > 0;
}
