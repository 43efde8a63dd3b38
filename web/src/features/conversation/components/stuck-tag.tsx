import { Hourglass } from 'lucide-react';
import { moment } from '../../../lib/dates';
import type { Message } from '../../../lib/types';
import { useNow } from '../../../lib/use-now';
import { Hint } from '../../../ui/hint';
import { words } from '../strings';

/** Marks a message of ours that was accepted before its channel failed: it may come late, or has come late. */
export function StuckTag({ stuck }: { stuck: NonNullable<Message['stuck']> }) {
  const now = useNow();
  const { reached_at: reached } = stuck;
  return (
    <Hint text={reached ? words.stuckLateHint : words.stuckHint}>
      <span
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the explanation must be reachable by keyboard
        tabIndex={0}
        className="inline-flex items-center gap-1 rounded text-warn"
      >
        <Hourglass aria-hidden="true" className="size-3.5 shrink-0" />
        {reached ? words.stuckLate(moment(reached, now)) : words.stuck}
      </span>
    </Hint>
  );
}
