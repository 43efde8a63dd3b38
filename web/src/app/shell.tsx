import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { HeartPulse, Inbox, ListChecks, PlugZap, TriangleAlert, WifiOff, Zap } from 'lucide-react';
import { lazy, Suspense, useCallback, useState } from 'react';
import { useSession } from '../features/signin/api';
import { get } from '../lib/api';
import { compact } from '../lib/i18n';
import { useKeys } from '../lib/keyboard';
import { keys } from '../lib/keys';
import { useOpenIncidents, useSandbox, useSystem } from '../lib/queries';
import { useMarks } from '../lib/tour-marks';
import type { Counts } from '../lib/types';
import { useAnnouncement } from '../realtime/announce';
import { useLiveStatus } from '../realtime/status';
import { useLive } from '../realtime/use-live';
import { Logo } from '../ui/logo';
import { AccountMenu } from './account-menu';
import { words } from './strings';

const IncidentBanner = lazy(async () => ({
  default: (await import('../features/continuity/banner')).IncidentBanner,
}));
const TourStrip = lazy(async () => ({ default: (await import('../features/tour/tour-strip')).TourStrip }));
const KeyHelp = lazy(async () => ({ default: (await import('./key-help')).KeyHelp }));

const HELP_KEYS = { '?': 'help' };

interface RailLinkProps {
  to: string;
  Sign: typeof Inbox;
  label: string;
  count?: number;
  alarm?: boolean;
  /** On a phone it stands in the menu instead. */
  wideOnly?: boolean;
}

function RailLink({ to, Sign, label, count, alarm, wideOnly }: RailLinkProps) {
  return (
    <Link
      to={to}
      className={`group relative flex-1 flex-col items-center gap-0.5 rounded-lg px-1 py-1.5 text-2xs font-medium text-ink-2 hover:bg-active hover:text-ink md:flex-none ${
        wideOnly ? 'hidden md:flex' : 'flex'
      }`}
      activeProps={{ className: 'text-accent-ink! md:bg-accent-soft' }}
    >
      <Sign aria-hidden="true" className="size-5" strokeWidth={1.75} />
      {label}
      {count ? (
        <span
          className={`absolute top-0.5 left-1/2 ml-2.5 min-w-4 rounded-full px-1 text-center text-[10px] leading-4 font-semibold ${
            alarm ? 'bg-danger text-surface' : 'bg-accent text-on-accent'
          }`}
        >
          <span className="sr-only">, </span>
          {compact(count)}
        </span>
      ) : null}
    </Link>
  );
}

/** The frame of the console: navigation, the state of the connection, the current page. */
export function Shell() {
  const session = useSession();
  const navigate = useNavigate();
  const [help, setHelp] = useState(false);
  const status = useLiveStatus();
  const announcement = useAnnouncement();
  const client = useQueryClient();
  const onSignedOut = useCallback(() => {
    void navigate({ to: '/signin', search: { next: location.pathname + location.search } }).then(() =>
      client.removeQueries({ queryKey: keys.session }),
    );
  }, [client, navigate]);
  useLive(session.workspace_id, onSignedOut);
  useKeys(HELP_KEYS, { help: () => setHelp(true) });

  const counts = useQuery({
    queryKey: keys.counts,
    queryFn: ({ signal }) => get<Counts>('/conversations/counts', signal),
  });
  const system = useSystem();
  const incidents = useOpenIncidents().data ?? [];
  const sandbox = useSandbox();
  const marks = useMarks();
  const touring = sandbox.data?.running === true && !marks.includes('hidden');

  return (
    <div className="flex h-dvh flex-col">
      {status === 'reconnecting' ? (
        <div
          role="status"
          className="flex items-center justify-center gap-2 bg-warn-soft px-4 py-1.5 text-sm text-warn"
        >
          <WifiOff aria-hidden="true" className="size-4" />
          {words.reconnecting}
        </div>
      ) : null}
      <Suspense>
        {incidents.length > 0 ? <IncidentBanner incidents={incidents} /> : null}
        {touring ? <TourStrip /> : null}
      </Suspense>
      <div className="flex min-h-0 flex-1 flex-col-reverse md:flex-row">
        <nav
          aria-label="Main"
          className="flex shrink-0 items-center gap-1 border-t border-line bg-bg px-2 py-1 pb-[max(0.25rem,env(safe-area-inset-bottom))] md:w-20 md:flex-col md:items-stretch md:border-t-0 md:border-r md:py-3 [[data-thread-open]_&]:max-md:hidden"
        >
          <Logo className="mx-auto mb-3 hidden size-8 md:block" />
          <RailLink to="/inbox" Sign={Inbox} label={words.inbox} count={counts.data?.open ?? 0} />
          <RailLink to="/leads" Sign={ListChecks} label={words.leads} />
          <RailLink
            to="/continuity"
            Sign={HeartPulse}
            label={words.continuity}
            count={incidents.filter((each) => each.phase === 'confirmed').length}
            alarm
          />
          <RailLink to="/automation" Sign={Zap} label={words.automation} wideOnly />
          <RailLink to="/channels" Sign={PlugZap} label={words.channels} wideOnly />
          <RailLink
            to="/problems"
            Sign={TriangleAlert}
            label={words.problems}
            count={system.data?.problems ?? 0}
            alarm
          />
          <div className="hidden flex-1 md:block" />
          <AccountMenu
            onHelp={() => setHelp(true)}
            version={system.data?.version ?? ''}
            live={status}
            sandbox={sandbox.data?.running ?? false}
          />
        </nav>
        <div className="flex min-h-0 min-w-0 flex-1">
          <Outlet />
        </div>
      </div>
      <div aria-live="polite" className="sr-only">
        {announcement}
      </div>
      {help ? (
        <Suspense>
          <KeyHelp onClose={() => setHelp(false)} />
        </Suspense>
      ) : null}
    </div>
  );
}
