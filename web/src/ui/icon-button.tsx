import type { ComponentProps } from 'react';
import { cx } from '../lib/cx';
import { buttonClass } from './button';
import { Hint } from './hint';

interface IconButtonProps extends Omit<ComponentProps<'button'>, 'aria-label' | 'title'> {
  label: string;
  /** A key that does the same. */
  keys?: string;
  small?: boolean;
}

/** A button that is only a sign; its name shows on hover and focus and is read out. */
export function IconButton({ label, keys, small, className, ...rest }: IconButtonProps) {
  return (
    <Hint text={label} {...(keys ? { keys } : {})}>
      <button
        type="button"
        aria-label={label}
        className={cx(buttonClass('quiet', small ? 'icon-sm' : 'icon'), className)}
        {...rest}
      />
    </Hint>
  );
}
