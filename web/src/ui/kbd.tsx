import { cx } from '../lib/cx';

/** A key of the keyboard. */
export function Kbd({ children, inverse }: { children: string; inverse?: boolean }) {
  return (
    <kbd
      className={cx(
        'inline-grid h-5 min-w-5 place-items-center rounded border px-1 font-sans text-2xs font-medium',
        inverse ? 'border-bg/30 text-bg' : 'border-line-strong bg-surface text-ink-2',
      )}
    >
      {children}
    </kbd>
  );
}
