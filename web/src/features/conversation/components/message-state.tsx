import { Ban, Check, CheckCheck, CircleHelp, CirclePause, CircleX, Clock, LoaderCircle } from 'lucide-react';
import { cx } from '../../../lib/cx';
import { clock } from '../../../lib/dates';
import type { Message, MessageState } from '../../../lib/types';
import { Hint } from '../../../ui/hint';
import { partsDone, stateTime } from '../model';
import { words } from '../strings';

const SIGNS: Record<MessageState, typeof Check> = {
  received: Check,
  queued: Clock,
  held: CirclePause,
  sending: LoaderCircle,
  uncertain: CircleHelp,
  unconfirmed: CircleHelp,
  accepted: Check,
  delivered: CheckCheck,
  read: CheckCheck,
  failed: CircleX,
  cancelled: Ban,
};

const TONES: Partial<Record<MessageState, string>> = {
  held: 'text-warn',
  uncertain: 'text-warn',
  unconfirmed: 'text-warn',
  failed: 'text-danger',
  read: 'text-accent-ink',
};

/** A reason in words; the hub's own sentence stays as it is. */
export const reasonText = (reason: string): string => words.reasons[reason] ?? reason;

/** What became of an outgoing message: a sign, words, and the time it came to that. */
export function MessageStateLine({ message }: { message: Message }) {
  const { state, parts, error } = message;
  const Sign = SIGNS[state];
  // Why it is held stands in a block of its own.
  const text = state === 'cancelled' && error ? words.cancelledFor(error.text) : words.states[state];
  const several = parts.length > 1 && partsDone(message) < parts.length;
  return (
    <Hint text={words.stateHints[state]}>
      <span
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the explanation must be reachable by keyboard
        tabIndex={0}
        className={cx('inline-flex min-w-0 items-center gap-1 rounded', TONES[state] ?? 'text-ink-3')}
      >
        <Sign aria-hidden="true" className={cx('size-3.5 shrink-0', state === 'sending' && 'animate-spin')} />
        <span className="text-pretty">
          {text}
          {several ? ` · ${words.partsSent(partsDone(message), parts.length)}` : ''}
          {state === 'delivered' || state === 'read' ? ` ${clock(stateTime(message))}` : ''}
        </span>
      </span>
    </Hint>
  );
}
