import { CircleAlert } from 'lucide-react';
import type { ComponentType, ReactNode } from 'react';
import { explain } from '../lib/api';
import { cx } from '../lib/cx';
import { Button } from './button';

interface EmptyProps {
  Sign?: ComponentType<{ className?: string; 'aria-hidden'?: 'true' }>;
  title: string;
  text?: string;
  action?: ReactNode;
  className?: string;
}

/** Nothing here, why, and what one can do. */
export function Empty({ Sign, title, text, action, className }: EmptyProps) {
  return (
    <div className={cx('grid h-full place-items-center p-8', className)}>
      <div className="max-w-72 text-center">
        {Sign ? <Sign aria-hidden="true" className="mx-auto mb-3 size-7 text-ink-3" /> : null}
        <p className="font-medium">{title}</p>
        {text ? <p className="mt-1 text-sm text-pretty text-ink-2">{text}</p> : null}
        {action ? <div className="mt-4">{action}</div> : null}
      </div>
    </div>
  );
}

/** It could not be loaded: why, what to do, and again. */
export function Failed({
  error,
  retry,
  className,
}: {
  error: unknown;
  retry?: () => void;
  className?: string;
}) {
  const { title, nextStep } = explain(error);
  return (
    <div role="alert" className={cx('grid h-full place-items-center p-8', className)}>
      <div className="max-w-80 text-center">
        <CircleAlert aria-hidden="true" className="mx-auto mb-3 size-7 text-danger" />
        <p className="font-medium">{title}</p>
        {nextStep ? <p className="mt-1 text-sm text-pretty text-ink-2">{nextStep}</p> : null}
        {retry ? (
          <Button className="mt-4" onClick={retry}>
            Try again
          </Button>
        ) : null}
      </div>
    </div>
  );
}

/** Rows of a list that is being loaded. */
export function SkeletonRows({ count, label }: { count: number; label: string }) {
  return (
    <div role="status" aria-label={label}>
      {Array.from({ length: count }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike and never move
        <div key={index} className="flex gap-3 px-4 py-3.5">
          <div className="skeleton size-9 shrink-0 rounded-full" />
          <div className="min-w-0 flex-1 space-y-2 py-0.5">
            <div className="skeleton h-3.5" style={{ width: `${40 + ((index * 17) % 30)}%` }} />
            <div className="skeleton h-3" style={{ width: `${60 + ((index * 23) % 35)}%` }} />
          </div>
        </div>
      ))}
    </div>
  );
}
