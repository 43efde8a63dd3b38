import { ArrowLeft, CircleCheck, PanelRight, RotateCcw } from 'lucide-react';
import { moment } from '../../../lib/dates';
import type { Conversation } from '../../../lib/types';
import { useMedia } from '../../../lib/use-media';
import { useNow } from '../../../lib/use-now';
import { Avatar } from '../../../ui/avatar';
import { Button } from '../../../ui/button';
import { ChannelBadge } from '../../../ui/channel-badge';
import { IconButton } from '../../../ui/icon-button';
import { SandboxTag, Tag } from '../../../ui/tag';
import { words } from '../strings';
import type { ConversationActions } from '../use-actions';
import { LabelMenu, OwnerMenu, SnoozeMenu } from './header-menus';
import { MoreMenu } from './more-menu';
import { UnverifiedTag } from './unverified-tag';

interface ConversationHeaderProps {
  conversation: Conversation;
  actions: ConversationActions;
  me: { id: string; name: string };
  /** Shows who has it and how it stands, and changes nothing. */
  readOnly: boolean;
  onBack: () => void;
  onDetails: () => void;
}

/** Whose conversation this is, how it stands, and what can be done with it. */
export function ConversationHeader({
  conversation,
  actions,
  me,
  readOnly,
  onBack,
  onDetails,
}: ConversationHeaderProps) {
  const now = useNow();
  // The name needs the room: what is used less stands in the menu.
  const phone = !useMedia('(min-width: 48rem)');
  const { contact, status, labels } = conversation;
  const done = status === 'resolved' || status === 'snoozed';
  return (
    <header className="flex min-h-14 items-center gap-2 border-b border-line bg-surface px-2 py-2 md:gap-3 md:px-5">
      <IconButton label={words.back} onClick={onBack} className="md:hidden">
        <ArrowLeft aria-hidden="true" className="size-5" />
      </IconButton>
      <span className="max-md:hidden">
        <Avatar name={contact.name} seed={contact.id} />
      </span>
      <div className="min-w-0 flex-1">
        <h2 className="leading-5 font-semibold">
          <span dir="auto" className="block truncate text-left max-md:hidden">
            {contact.name}
          </span>
          <button
            type="button"
            aria-label={`${contact.name}, ${words.details}`}
            onClick={onDetails}
            dir="auto"
            className="block max-w-full truncate rounded text-left md:hidden"
          >
            {contact.name}
          </button>
        </h2>
        <div
          // What does not fit wraps out of sight; the strut keeps a row as high as the box, so that nothing peeps in.
          className="-ml-2 flex h-5 min-w-0 flex-wrap items-center gap-x-2 overflow-hidden text-xs text-ink-2 before:h-5"
        >
          <span className="contents max-md:[&_.truncate]:hidden">
            <ChannelBadge channel={conversation.channel} text={conversation.account?.name ?? null} />
          </span>
          {conversation.route?.proof === 'invited' ? <UnverifiedTag /> : null}
          {conversation.sandbox ? <SandboxTag /> : null}
          {status === 'open' ? null : (
            <Tag tone="accent">
              {status === 'snoozed' && conversation.snoozed_until
                ? words.snoozed(moment(conversation.snoozed_until, now))
                : words.status[status]}
            </Tag>
          )}
          {labels.map((label) => (
            <Tag key={label} className="max-md:hidden">
              {label}
            </Tag>
          ))}
        </div>
      </div>
      {readOnly ? null : (
        <>
          <OwnerMenu conversation={conversation} actions={actions} me={me} />
          {phone ? null : (
            <>
              <LabelMenu conversation={conversation} actions={actions} />
              <SnoozeMenu actions={actions} />
            </>
          )}
          <MoreMenu conversation={conversation} actions={actions} phone={phone} />
          <Button
            size="sm"
            onClick={actions.resolveOrReopen}
            aria-label={done ? words.reopen : words.resolve}
            className="max-md:px-1.5"
          >
            {done ? (
              <RotateCcw aria-hidden="true" className="size-4" />
            ) : (
              <CircleCheck aria-hidden="true" className="size-4" />
            )}
            <span className="max-md:sr-only">{done ? words.reopen : words.resolve}</span>
          </Button>
        </>
      )}
      <IconButton label={words.details} onClick={onDetails} className="max-md:hidden min-[88rem]:hidden">
        <PanelRight aria-hidden="true" className="size-4" />
      </IconButton>
    </header>
  );
}
