import { Link } from '@tanstack/react-router';
import { Bot, CircleAlert, CirclePause, Reply, StickyNote } from 'lucide-react';
import { memo } from 'react';
import { channelStyle } from '../../lib/channel-style';
import { cx } from '../../lib/cx';
import { age, span } from '../../lib/dates';
import type { ConversationRow } from '../../lib/types';
import { useNow } from '../../lib/use-now';
import { Avatar } from '../../ui/avatar';
import { SandboxTag, Tag } from '../../ui/tag';
import { words } from './strings';

/** Height of one item in pixels: the list is drawn without measuring. */
export const ITEM_HEIGHT = 89;
const WAIT_SHOWN_MS = 10 * 60_000;

function Preview({ row }: { row: ConversationRow }) {
  const last = row.last_message;
  if (!last) return null;
  const failed = last.direction === 'out' && (last.state === 'failed' || last.state === 'unconfirmed');
  return (
    <span className={cx('flex min-w-0 items-center gap-1', row.unread > 0 ? 'text-ink' : 'text-ink-2')}>
      {failed ? <CircleAlert aria-label="not sent" className="size-3.5 shrink-0 text-danger" /> : null}
      {last.direction === 'out' && !failed ? (
        <Reply aria-label={words.you} className="size-3.5 shrink-0 text-ink-3" />
      ) : null}
      {last.direction === 'note' ? (
        <StickyNote aria-label={words.note} className="size-3.5 shrink-0 text-note-ink" />
      ) : null}
      <span dir="auto" className="min-w-0 flex-1 truncate text-left">
        {last.text || words.file}
      </span>
    </span>
  );
}

function Foot({ row, now }: { row: ConversationRow; now: number }) {
  const waited = row.waiting_since ? now - Date.parse(row.waiting_since) : 0;
  return (
    <span className="flex h-5 min-w-0 flex-wrap items-center gap-x-1.5 overflow-hidden text-2xs text-ink-3">
      {row.owner.kind === 'bot' ? (
        <span className="inline-flex items-center gap-1">
          <Bot aria-hidden="true" className="size-3" />
          {words.bot}
        </span>
      ) : (
        <span className="max-w-24 shrink-0 truncate">
          {row.owner.kind === 'person' ? row.owner.name : words.nobody}
        </span>
      )}
      {waited > WAIT_SHOWN_MS && row.status === 'open' ? (
        <span className="whitespace-nowrap text-warn">· {words.waiting(span(waited))}</span>
      ) : null}
      {row.held_count > 0 ? (
        <Tag tone="warn">
          <CirclePause aria-hidden="true" className="size-3" />
          {words.held(row.held_count)}
        </Tag>
      ) : null}
      {row.sandbox ? <SandboxTag /> : null}
      {row.labels.slice(0, 1).map((label) => (
        <Tag key={label}>
          <span className="truncate">{label}</span>
          {row.labels.length > 1 ? <span className="text-ink-3">+{row.labels.length - 1}</span> : null}
        </Tag>
      ))}
    </span>
  );
}

/** One conversation in the list. */
export const ConversationItem = memo(function ConversationItem({
  row,
  selected,
  onIntent,
}: {
  row: ConversationRow;
  selected: boolean;
  onIntent: (id: string) => void;
}) {
  const now = useNow();
  const { Glyph, color, title } = channelStyle(row.channel);
  return (
    <Link
      to="/inbox/$conversationId"
      params={{ conversationId: row.id }}
      search={(before) => before}
      aria-current={selected ? 'true' : undefined}
      onPointerEnter={() => onIntent(row.id)}
      onFocus={() => onIntent(row.id)}
      data-conversation={row.id}
      style={{ height: ITEM_HEIGHT }}
      className={cx(
        'focus-inset relative flex gap-3 border-b border-line px-4 py-3',
        selected ? 'bg-accent-soft' : 'hover:bg-hover',
      )}
    >
      <span className="relative h-9 shrink-0">
        <Avatar name={row.contact.name} seed={row.contact.id} />
        <span className="absolute -right-1 -bottom-1 grid size-4.5 place-items-center rounded-full bg-surface">
          <Glyph aria-label={title} className="size-3" style={{ color }} />
        </span>
      </span>
      <span className="flex min-w-0 flex-1 flex-col">
        <span className="flex items-baseline gap-2">
          <span
            dir="auto"
            className={cx(
              'min-w-0 flex-1 truncate text-left',
              row.unread > 0 ? 'font-semibold' : 'font-medium',
            )}
          >
            {row.contact.name}
          </span>
          <time className="shrink-0 text-2xs text-ink-3 tabular-nums" dateTime={row.updated_at}>
            {age(row.last_message?.at ?? row.updated_at, now)}
          </time>
        </span>
        <span className="flex items-center gap-2 text-sm">
          <span className="min-w-0 flex-1">
            <Preview row={row} />
          </span>
          {row.unread > 0 ? (
            <span className="min-w-4.5 shrink-0 rounded-full bg-accent px-1.5 text-center text-2xs leading-4.5 font-semibold text-on-accent">
              {row.unread > 99 ? '99+' : row.unread}
              <span className="sr-only"> unread</span>
            </span>
          ) : null}
        </span>
        <Foot row={row} now={now} />
      </span>
    </Link>
  );
});
