import { channelStyle } from '../lib/channel-style';
import { cx } from '../lib/cx';

/** The sign of a channel in its colour, with its name in words or for readers. */
export function ChannelBadge({
  channel,
  text,
  className,
}: {
  channel: string | null;
  text?: string | null;
  className?: string;
}) {
  const { title, Glyph, color } = channelStyle(channel);
  return (
    <span className={cx('inline-flex min-w-0 items-center gap-1', className)}>
      <Glyph aria-hidden="true" className="size-3.5 shrink-0" style={{ color }} />
      {text === null ? (
        <span className="sr-only">{title}</span>
      ) : (
        <span className="truncate">{text ?? title}</span>
      )}
    </span>
  );
}

/** A channel's sign beside what is told of one of its accounts. */
export function ChannelSign({ channel }: { channel: string }) {
  const { Glyph, color } = channelStyle(channel);
  return (
    <span
      className="grid size-10 shrink-0 place-items-center rounded-xl border border-line bg-bg"
      style={{ color }}
    >
      <Glyph aria-hidden="true" className="size-5" />
    </span>
  );
}
