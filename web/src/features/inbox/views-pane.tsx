import { Link } from '@tanstack/react-router';
import { Bot, CircleCheck, Clock, Inbox, Layers, UserRound, UserRoundX } from 'lucide-react';
import { compact } from '../../lib/i18n';
import type { Counts, View } from '../../lib/types';
import { words } from './strings';

export const VIEWS: { view: View; Sign: typeof Inbox }[] = [
  { view: 'open', Sign: Inbox },
  { view: 'mine', Sign: UserRound },
  { view: 'unassigned', Sign: UserRoundX },
  { view: 'pending', Sign: Bot },
  { view: 'snoozed', Sign: Clock },
  { view: 'resolved', Sign: CircleCheck },
  { view: 'all', Sign: Layers },
];

/** The views of the inbox with how many conversations each holds. */
export function ViewsPane({ current, counts }: { current: View; counts: Counts | undefined }) {
  return (
    <nav
      aria-label={words.viewsTitle}
      className="hidden w-44 shrink-0 flex-col border-r border-line px-2.5 py-4 xl:flex"
    >
      <h1 className="mb-3 px-2 text-lg font-semibold tracking-tight">Inbox</h1>
      <ul className="space-y-px">
        {VIEWS.map(({ view, Sign }) => (
          <li key={view}>
            <Link
              to="/inbox"
              search={(before) => ({ ...before, view: view === 'open' ? undefined : view })}
              aria-current={view === current ? 'page' : undefined}
              className={`flex h-8 items-center gap-2.5 rounded-lg px-2 text-sm ${
                view === current
                  ? 'bg-active font-semibold text-ink'
                  : 'text-ink-2 hover:bg-active/60 hover:text-ink'
              }`}
            >
              <Sign aria-hidden="true" className="size-4 shrink-0" strokeWidth={1.75} />
              <span className="flex-1 truncate">{words.views[view]}</span>
              <span className="text-xs font-normal text-ink-3 tabular-nums">
                {counts ? compact(counts[view]) : ''}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
