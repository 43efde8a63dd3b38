import { Link } from '@tanstack/react-router';
import { channelStyle } from '../../../lib/channel-style';
import { clock, dayTitle } from '../../../lib/dates';
import type { ConversationGap } from '../../../lib/types';
import { useNow } from '../../../lib/use-now';
import type { Pending } from '../../../realtime/thread';
import type { Row } from '../model';
import { words } from '../strings';
import type { MessageActions } from './message-menu';
import { MessageRow } from './message-row';
import { PendingRow } from './pending-row';

/** Where a day begins. */
function Day({ at }: { at: string }) {
  const now = useNow();
  return (
    <div className="flex justify-center pt-5 pb-1">
      <h3 className="rounded-full border border-line bg-bg px-3 py-0.5 text-xs font-medium text-ink-2">
        {dayTitle(at, now)}
      </h3>
    </div>
  );
}

/** Where the talk moves to a channel: a knot in the thread. */
function Knot({ channel, at }: { channel: string; at: string }) {
  const { Glyph, title, color } = channelStyle(channel);
  return (
    <div className="-ml-8 flex items-center gap-2.5 pt-4 pb-1 md:-ml-10">
      <span
        className="grid size-6 place-items-center rounded-full border-2 bg-bg md:ml-0.5"
        style={{ borderColor: color, color }}
      >
        <Glyph aria-hidden="true" className="size-3" />
      </span>
      <h3 className="text-xs font-medium text-ink-2">
        {title} <span className="font-normal text-ink-3 tabular-nums">from {clock(at)}</span>
      </h3>
    </div>
  );
}

/** A time in which messages may be missing. */
function GapLine({ gap }: { gap: ConversationGap }) {
  return (
    <div className="py-3">
      <p
        role="note"
        className="rounded-md border border-dashed border-line-strong px-3 py-2 text-sm text-pretty"
      >
        {words.gap(clock(gap.since), clock(gap.until), gap.channel_title)}{' '}
        <Link
          to="/continuity/incidents/$incidentId"
          params={{ incidentId: gap.incident_id }}
          className="font-medium whitespace-nowrap text-accent-ink underline-offset-2 hover:underline"
        >
          {words.gapIncident(gap.incident_number)}
        </Link>
      </p>
    </div>
  );
}

interface ThreadRowProps {
  row: Row;
  customer: string;
  actions: MessageActions;
  onRetry: (pending: Pending) => void;
  onDiscard: (clientId: string) => void;
}

function Content({ row, customer, actions, onRetry, onDiscard }: ThreadRowProps) {
  switch (row.type) {
    case 'top':
      return (
        <p className="pt-4 pb-1 text-center text-xs text-ink-3">
          {row.more ? words.loadingOlder : words.beginning}
        </p>
      );
    case 'day':
      return <Day at={row.at} />;
    case 'channel':
      return <Knot channel={row.channel} at={row.at} />;
    case 'gap':
      return <GapLine gap={row.gap} />;
    case 'pending':
      return <PendingRow pending={row.pending} onRetry={onRetry} onDiscard={onDiscard} />;
    case 'message':
      return (
        <MessageRow
          message={row.message}
          first={row.first}
          last={row.last}
          customer={customer}
          actions={actions}
        />
      );
  }
}

/** One row of the thread, with its piece of the line that runs through it in the colour of the channel. */
export function ThreadRow(props: ThreadRowProps) {
  const { row } = props;
  const channel = row.type === 'top' ? null : row.channel;
  return (
    <div className="relative pr-4 pl-10 md:pr-6 md:pl-14">
      {channel ? (
        <span
          aria-hidden="true"
          className={`absolute bottom-0 left-[19px] w-0.5 opacity-45 md:left-[27px] ${
            row.type === 'channel' ? 'top-10' : 'top-0'
          }`}
          style={{ background: channelStyle(channel).color }}
        />
      ) : null}
      <Content {...props} />
    </div>
  );
}
