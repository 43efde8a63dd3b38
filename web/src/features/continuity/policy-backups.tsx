import { ArrowDown, ArrowUp } from 'lucide-react';
import { ChannelBadge } from '../../ui/channel-badge';
import { IconButton } from '../../ui/icon-button';
import { moved, type Policy } from './policy-model';
import { words } from './policy-strings';

interface Props {
  ours: string[];
  title: (channel: string) => string;
  policy: Policy;
  change: (part: Partial<Policy>) => void;
}

/** The channels in the order in which they are tried, and which are never used. */
export function Backups({ ours, title, policy, change }: Props) {
  const { order, exclude } = policy;
  const rows = [...order, ...ours.filter((channel) => !order.includes(channel))];
  const move = (at: number, by: 1 | -1) => change({ order: moved(rows, at, by) });
  return (
    <ol className="rounded-xl border border-line">
      {rows.map((channel, at) => {
        const never = exclude.includes(channel);
        const name = title(channel);
        return (
          <li key={channel} className="flex items-center gap-2 border-b border-line px-3 py-2 last:border-0">
            <span className="w-5 text-sm text-ink-3 tabular-nums">{at + 1}</span>
            <span className={`min-w-0 flex-1 ${never ? 'text-ink-3 line-through' : ''}`}>
              <ChannelBadge channel={channel} text={name} />
            </span>
            <label className="flex items-center gap-1.5 text-sm text-ink-2">
              <input
                type="checkbox"
                checked={never}
                aria-label={words.exclude(name)}
                onChange={(event) =>
                  change({
                    exclude: event.target.checked
                      ? [...exclude, channel]
                      : exclude.filter((each) => each !== channel),
                  })
                }
                className="size-4 accent-accent"
              />
              {words.excluded}
            </label>
            <IconButton small label={words.up(name)} disabled={at === 0} onClick={() => move(at, -1)}>
              <ArrowUp aria-hidden="true" className="size-4" />
            </IconButton>
            <IconButton
              small
              label={words.down(name)}
              disabled={at === rows.length - 1}
              onClick={() => move(at, 1)}
            >
              <ArrowDown aria-hidden="true" className="size-4" />
            </IconButton>
          </li>
        );
      })}
    </ol>
  );
}
