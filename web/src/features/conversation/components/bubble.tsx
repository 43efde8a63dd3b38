import { CornerUpLeft, StickyNote } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx } from '../../../lib/cx';
import { words } from '../strings';

interface BubbleProps {
  kind: 'in' | 'out' | 'note';
  /** First and last of a run: the corners on the author's side are round only at the ends. */
  first: boolean;
  last: boolean;
  faded?: boolean;
  alarm?: boolean;
  quote: string | null | undefined;
  children: ReactNode;
}

/** The box of one message. */
export function Bubble({ kind, first, last, faded, alarm, quote, children }: BubbleProps) {
  return (
    <div
      className={cx(
        'min-w-0 max-w-full space-y-1.5 border px-3.5 py-2',
        kind === 'in' && 'rounded-2xl border-line bg-surface',
        kind === 'in' && !first && 'rounded-tl-md',
        kind === 'in' && !last && 'rounded-bl-md',
        kind === 'out' && 'rounded-2xl bg-accent-soft',
        kind === 'out' && !first && 'rounded-tr-md',
        kind === 'out' && !last && 'rounded-br-md',
        kind === 'note' && 'rounded-lg border-dashed border-note-line bg-note text-ink',
        faded && 'text-ink-2',
        kind === 'out' &&
          (alarm ? 'border-danger-line' : faded ? 'border-dashed border-accent/50' : 'border-transparent'),
      )}
    >
      {kind === 'note' && first ? (
        <p className="flex items-center gap-1.5 text-xs font-medium text-note-ink">
          <StickyNote aria-hidden="true" className="size-3.5" />
          {words.note} · {words.noteHint}
        </p>
      ) : null}
      {quote === undefined ? null : (
        <p className="flex items-start gap-1.5 border-l-2 border-line-strong pl-2 text-sm text-ink-2">
          <CornerUpLeft aria-label={words.repliedTo} className="mt-0.5 size-3.5 shrink-0" />
          <span className="line-clamp-2">{quote || words.somethingOlder}</span>
        </p>
      )}
      {children}
    </div>
  );
}
