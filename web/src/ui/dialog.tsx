import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { cx } from '../lib/cx';
import { buttonClass } from './button';

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  description?: string;
  /** `side` slides in from the right edge, over the full height. */
  shape?: 'center' | 'side';
  /** Which of several steps shows: with each new one the focus goes to its first field, or to the window. */
  step?: string;
  children: ReactNode;
}

const FIELDS = 'input:enabled:not([type="hidden"]), textarea:enabled, select:enabled';

/**
 * A window over the page. The first field has the focus; Escape and a press beside it close it, and the focus returns
 * to where it was.
 */
export function Dialog({ open, onClose, title, description, shape = 'center', step, children }: DialogProps) {
  const body = useRef<HTMLDivElement>(null);
  const shown = useRef(step);
  useEffect(() => {
    if (shown.current === step) return;
    shown.current = step;
    const window = body.current?.closest<HTMLElement>('[role="dialog"]');
    const field = body.current?.querySelector<HTMLElement>(FIELDS);
    (matchMedia('(pointer: coarse)').matches ? window : (field ?? window))?.focus();
  }, [step]);
  return (
    <Base.Root open={open} onOpenChange={(next) => (next ? undefined : onClose())}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-overlay transition-opacity duration-150 data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Base.Popup
          // A finger gets no keyboard over the words that it has not read yet.
          initialFocus={(by) =>
            by === 'touch' ? true : (body.current?.querySelector<HTMLElement>(FIELDS) ?? true)
          }
          className={cx(
            'fixed z-50 flex flex-col border-line bg-surface text-ink shadow-pop outline-none transition duration-150',
            shape === 'center' &&
              'top-1/2 left-1/2 max-h-[88dvh] w-[calc(100vw-1.5rem)] max-w-lg -translate-1/2 rounded-2xl border data-ending-style:scale-98 data-ending-style:opacity-0 data-starting-style:scale-98 data-starting-style:opacity-0',
            shape === 'side' &&
              'inset-y-0 right-0 w-full max-w-lg border-l data-ending-style:translate-x-6 data-ending-style:opacity-0 data-starting-style:translate-x-6 data-starting-style:opacity-0',
          )}
        >
          <header className="flex items-start gap-3 border-b border-line px-5 py-4">
            <div className="min-w-0 flex-1">
              <Base.Title className="text-lg font-semibold [overflow-wrap:anywhere]">{title}</Base.Title>
              {description ? (
                <Base.Description className="mt-0.5 text-sm text-ink-2">{description}</Base.Description>
              ) : null}
            </div>
            <Base.Close
              aria-label="Close"
              className={cx(buttonClass('quiet', 'icon'), '-my-1 -mr-1.5 pointer-coarse:-my-2')}
            >
              <X aria-hidden="true" className="size-4" />
            </Base.Close>
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto p-5" ref={body}>
            {children}
          </div>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
