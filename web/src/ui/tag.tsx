import type { ReactNode } from 'react';
import { cx } from '../lib/cx';

type Tone = 'plain' | 'accent' | 'warn' | 'danger' | 'sandbox';

const TONES: Record<Tone, string> = {
  plain: 'border-line-strong text-ink-2',
  accent: 'border-transparent bg-accent-soft text-accent-ink',
  warn: 'border-warn-line bg-warn-soft text-warn',
  danger: 'border-danger-line bg-danger-soft text-danger',
  sandbox: 'border-dashed border-line-strong text-ink-3',
};

/** A small word beside a name. */
export function Tag({
  tone = 'plain',
  className,
  children,
}: {
  tone?: Tone;
  className?: string;
  children: ReactNode;
}) {
  return (
    <span
      className={cx(
        'inline-flex h-5 max-w-full items-center gap-1 rounded-md border px-1.5 text-2xs font-medium whitespace-nowrap',
        TONES[tone],
        className,
      )}
    >
      {children}
    </span>
  );
}

/** Marks simulated data wherever it shows. */
export function SandboxTag() {
  return (
    <Tag tone="sandbox">
      <span title="Simulated: this data comes from the sandbox">Sandbox</span>
    </Tag>
  );
}
