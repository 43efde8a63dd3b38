import { Link } from '@tanstack/react-router';
import { CircleAlert, CircleCheck, CircleDashed, CircleHelp, HeartPulse, PlugZap } from 'lucide-react';
import { channelStyle } from '../../lib/channel-style';
import { cx } from '../../lib/cx';
import { full, span } from '../../lib/dates';
import { useOpenIncidents } from '../../lib/queries';
import { useNow } from '../../lib/use-now';
import { ChannelSign } from '../../ui/channel-badge';
import { Empty, Failed, SkeletonRows } from '../../ui/states';
import { SandboxTag } from '../../ui/tag';
import { type Health, useHealth } from './api';
import { words } from './strings';

const STATE: Record<string, { Sign: typeof CircleCheck; tone: string }> = {
  healthy: { Sign: CircleCheck, tone: 'text-ok' },
  suspect: { Sign: CircleDashed, tone: 'text-warn' },
  confirmed: { Sign: CircleAlert, tone: 'text-danger' },
  recovering: { Sign: HeartPulse, tone: 'text-accent-ink' },
  unknown: { Sign: CircleHelp, tone: 'text-ink-3' },
};

const LEVELS = ['edge', 'token', 'messaging'];

function Direction({ name, state }: { name: string; state: string }) {
  const look = STATE[state] ?? STATE.unknown;
  if (!look) return null;
  return (
    <li className="flex items-center gap-1.5">
      <look.Sign aria-hidden="true" className={cx('size-4 shrink-0', look.tone)} />
      <span>
        {words.directions[name] ?? name}{' '}
        <span className={state === 'healthy' ? 'text-ink-2' : cx('font-medium', look.tone)}>
          {words.states[state] ?? state}
        </span>
      </span>
    </li>
  );
}

function Probes({ account }: { account: Health }) {
  const now = useNow();
  const probes = LEVELS.flatMap((level) => {
    const probe = account.probes[level];
    return probe ? [{ level, ...probe }] : [];
  });
  if (probes.length === 0) {
    return <p className="text-sm text-ink-2">{words.notProbed}</p>;
  }
  return (
    <ul aria-label={words.probed} className="flex flex-wrap gap-x-4 gap-y-0.5 text-sm text-ink-2">
      {probes.map(({ level, at, ok, detail }) => (
        <li key={level} className={ok ? undefined : 'text-danger'}>
          {ok ? '✓' : '✗'} <span className="sr-only">{ok ? '' : 'not: '}</span>
          {words.probes[level]}{' '}
          <time dateTime={at} title={full(at)} className="text-ink-3">
            {words.ago(span(now - Date.parse(at)))}
          </time>
          {ok || !detail ? null : <span className="[overflow-wrap:anywhere]">: {detail}</span>}
        </li>
      ))}
    </ul>
  );
}

function AccountHealth({ account }: { account: Health }) {
  const open = useOpenIncidents().data ?? [];
  const { title } = channelStyle(account.channel);
  // Our own web chat is no platform: nothing about it is judged.
  const own = account.channel === 'webchat';
  const down = account.gate !== 'open' || account.stopped !== null;
  return (
    <li className="flex items-start gap-4 border-b border-line py-4 last:border-0">
      <ChannelSign channel={account.channel} />
      <div className="min-w-0 flex-1 space-y-1.5">
        <div className="flex flex-wrap items-center gap-x-2 gap-y-0.5">
          <h2 className="font-semibold">{account.name}</h2>
          <span className="text-sm text-ink-2">{title}</span>
          {account.simulated ? <SandboxTag /> : null}
        </div>
        <ul className="flex flex-wrap gap-x-5 gap-y-1 text-sm">
          {(own ? [] : Object.keys(words.directions)).map((name) => (
            <Direction key={name} name={name} state={account.directions[name] ?? 'unknown'} />
          ))}
        </ul>
        {down ? (
          <p className="flex flex-wrap gap-x-3 text-sm font-medium">
            <span>{account.stopped ? words.stopped(account.stopped) : words.gates[account.gate]}</span>
            {account.incidents.map((number) => {
              const incident = open.find((each) => each.number === number);
              return incident ? (
                <Link
                  key={number}
                  to="/continuity/incidents/$incidentId"
                  params={{ incidentId: incident.id }}
                  className="rounded text-accent-ink underline underline-offset-2"
                >
                  {words.incident(number)}
                </Link>
              ) : null;
            })}
          </p>
        ) : null}
        {own ? <p className="text-sm text-ink-2">{words.noProbe}</p> : <Probes account={account} />}
      </div>
    </li>
  );
}

/** How every account does, by direction, with what was checked last. */
export function HealthPage() {
  const health = useHealth();
  if (health.isPending) return <SkeletonRows count={5} label={words.loadingHealth} />;
  if (health.isError) return <Failed error={health.error} retry={() => void health.refetch()} />;
  if (health.data.length === 0) {
    return <Empty Sign={PlugZap} title={words.noAccounts} text={words.noAccountsText} />;
  }
  // What is in trouble stands first.
  const rank = (each: Health) => (each.gate === 'open' && !each.stopped ? 1 : 0);
  return (
    <ul>
      {[...health.data]
        .sort((a, b) => rank(a) - rank(b))
        .map((account) => (
          <AccountHealth key={account.account} account={account} />
        ))}
    </ul>
  );
}
