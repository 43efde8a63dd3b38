import type { ComponentProps } from 'react';
import { cx } from '../lib/cx';

type Kind = 'primary' | 'plain' | 'quiet' | 'danger' | 'inverse';
type Size = 'sm' | 'md' | 'icon' | 'icon-sm';

const KINDS: Record<Kind, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-hover',
  plain: 'border border-line-strong bg-surface text-ink hover:bg-hover',
  quiet: 'text-ink-2 hover:bg-hover hover:text-ink',
  danger: 'bg-danger text-surface hover:opacity-90',
  inverse: 'text-bg hover:bg-bg/15',
};

const SIZES: Record<Size, string> = {
  md: 'h-9 px-3.5',
  sm: 'h-8 px-2.5 text-sm pointer-coarse:h-10',
  icon: 'size-8 pointer-coarse:size-10',
  'icon-sm': 'size-7 pointer-coarse:size-9',
};

/** The look of a button, for things that are rendered by others (menu triggers). */
export function buttonClass(kind: Kind = 'plain', size: Size = 'md'): string {
  return cx(
    'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-lg font-medium whitespace-nowrap select-none',
    'transition-colors duration-100 disabled:pointer-events-none disabled:opacity-50',
    SIZES[size],
    KINDS[kind],
  );
}

interface ButtonProps extends ComponentProps<'button'> {
  kind?: Kind;
  size?: 'sm' | 'md';
  busy?: boolean;
}

/** A button with words. While `busy` it can't be pressed again. */
export function Button({ kind = 'plain', size = 'md', busy, className, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      aria-busy={busy || undefined}
      disabled={disabled || busy}
      className={cx(buttonClass(kind, size), className)}
      {...rest}
    />
  );
}
