import { Menu as Base } from '@base-ui/react/menu';
import { Check } from 'lucide-react';
import type { ReactElement, ReactNode } from 'react';
import { cx } from '../lib/cx';

const ITEM =
  'flex min-h-8 pointer-coarse:min-h-11 w-full items-center gap-2 rounded-md px-2 text-sm outline-none select-none ' +
  'data-highlighted:bg-hover data-disabled:opacity-50';

interface MenuProps {
  trigger: ReactElement<Record<string, unknown>>;
  align?: 'start' | 'center' | 'end';
  side?: 'top' | 'bottom' | 'right';
  children: ReactNode;
  className?: string;
}

/** A list of actions under a button. */
export function Menu({ trigger, align = 'end', side = 'bottom', children, className }: MenuProps) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={6} align={align} side={side} className="z-40 outline-none">
          <Base.Popup
            className={cx(
              'max-h-(--available-height) min-w-52 overflow-y-auto rounded-xl border border-line bg-raised p-1 text-ink shadow-pop outline-none',
              'origin-(--transform-origin) transition-[scale,opacity] duration-100 data-ending-style:scale-98 data-ending-style:opacity-0 data-starting-style:scale-98 data-starting-style:opacity-0',
              className,
            )}
          >
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

/** One action. `aside` stands at its end: a key, a time. */
export function MenuItem({
  onClick,
  aside,
  danger,
  children,
}: {
  onClick: () => void;
  aside?: ReactNode;
  danger?: boolean;
  children: ReactNode;
}) {
  return (
    <Base.Item onClick={onClick} className={cx(ITEM, danger && 'text-danger')}>
      {children}
      {aside ? <span className="ml-auto pl-4 text-xs text-ink-3">{aside}</span> : null}
    </Base.Item>
  );
}

/** An action that is on or off; the menu stays open. */
export function MenuCheck({
  checked,
  onChange,
  children,
}: {
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: ReactNode;
}) {
  return (
    <Base.CheckboxItem checked={checked} onCheckedChange={onChange} className={ITEM}>
      <span className="grid size-4 place-items-center">
        {checked ? <Check aria-hidden="true" className="size-4 text-accent" /> : null}
      </span>
      {children}
    </Base.CheckboxItem>
  );
}

/** A heading over some actions. */
export function MenuGroup({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Base.Group>
      <Base.GroupLabel className="px-2 pt-2 pb-1 text-2xs font-medium text-ink-3">{title}</Base.GroupLabel>
      {children}
    </Base.Group>
  );
}

/** A line between groups. */
export function MenuLine() {
  return <Base.Separator className="mx-1 my-1 h-px bg-line" />;
}
