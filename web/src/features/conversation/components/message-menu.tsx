import { Ban, Copy, CornerUpLeft, Ellipsis, History, RotateCw, Route } from 'lucide-react';
import type { Message } from '../../../lib/types';
import { buttonClass } from '../../../ui/button';
import { Menu, MenuItem } from '../../../ui/menu';
import { canCancel, canResend } from '../model';
import { words } from '../strings';

/** What can be done with a message, handed down from the pane. */
export interface MessageActions {
  reply: ((message: Message) => void) | null;
  attempts: (message: Message) => void;
  /** Shows where it goes and why. */
  why: (message: Message) => void;
  /** Takes a waiting message back into the composer. */
  takeBack: (message: Message) => void;
  cancel: (message: Message) => void;
  resend: (message: Message) => void;
}

/** The actions of one message. */
export function MessageMenu({ message, actions }: { message: Message; actions: MessageActions }) {
  const { reply } = actions;
  return (
    <Menu
      align="start"
      trigger={
        <button
          type="button"
          aria-label={words.actions}
          className={`${buttonClass('quiet', 'icon-sm')} opacity-0 group-hover:opacity-100 focus-visible:opacity-100 data-popup-open:opacity-100 pointer-coarse:opacity-100`}
        >
          <Ellipsis aria-hidden="true" className="size-4" />
        </button>
      }
    >
      {reply && message.direction !== 'note' && !message.deleted_at ? (
        <MenuItem onClick={() => reply(message)}>
          <CornerUpLeft aria-hidden="true" className="size-4 text-ink-3" />
          {words.reply}
        </MenuItem>
      ) : null}
      {message.text ? (
        <MenuItem onClick={() => void navigator.clipboard.writeText(message.text)}>
          <Copy aria-hidden="true" className="size-4 text-ink-3" />
          {words.copy}
        </MenuItem>
      ) : null}
      {message.direction === 'out' ? (
        <MenuItem onClick={() => actions.why(message)}>
          <Route aria-hidden="true" className="size-4 text-ink-3" />
          {words.why}
        </MenuItem>
      ) : null}
      {message.direction === 'out' ? (
        <MenuItem onClick={() => actions.attempts(message)}>
          <History aria-hidden="true" className="size-4 text-ink-3" />
          {words.attempts}
        </MenuItem>
      ) : null}
      {canCancel(message.state) && message.direction === 'out' ? (
        <MenuItem onClick={() => actions.cancel(message)} danger>
          <Ban aria-hidden="true" className="size-4" />
          {words.cancel}
        </MenuItem>
      ) : null}
      {canResend(message.state) ? (
        <MenuItem onClick={() => actions.resend(message)}>
          <RotateCw aria-hidden="true" className="size-4 text-ink-3" />
          {words.resend}
        </MenuItem>
      ) : null}
    </Menu>
  );
}
