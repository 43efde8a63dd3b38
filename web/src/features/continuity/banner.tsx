import { useQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ChevronRight } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { cx } from '../../lib/cx';
import { moment } from '../../lib/dates';
import { useSandbox } from '../../lib/queries';
import type { Incident, IncidentDetail, Phase } from '../../lib/types';
import { useNow } from '../../lib/use-now';
import { announce } from '../../realtime/announce';
import { Tag } from '../../ui/tag';
import { incidentQuery } from './api';
import { byGravity, certainty, headline } from './model';
import { PhaseSign } from './phase-tag';
import { words } from './strings';

/** On a phone the conversation that is open needs the room: what is down is enough there. */
const ROOM = '[[data-thread-open]_&]:max-md:sr-only';

/** Incidents with a line of their own; the others are counted. */
const SHOWN_MAX = 2;

const LOOK: Record<Phase, string> = {
  suspect: 'border-line bg-bg',
  confirmed: 'border-danger-line bg-danger-soft',
  recovering: 'border-line bg-accent-soft',
  closed: 'border-line bg-bg',
};
const SIGN: Record<Phase, string> = {
  suspect: 'text-warn',
  confirmed: 'text-danger',
  recovering: 'text-accent-ink',
  closed: 'text-ink-3',
};

/** Marks a simulated incident, with the dial by which it is judged. */
export function SimulatedTag() {
  const dial = useSandbox().data?.dial ?? 1;
  return (
    <Tag tone="sandbox">
      {words.simulated}
      {dial > 1 ? `, ${words.dial(dial)}` : ''}
    </Tag>
  );
}

function Line({ incident, detail }: { incident: Incident; detail: IncidentDetail | undefined }) {
  const now = useNow();
  const { phase } = incident;
  const counts = detail?.counts;
  const told = [
    counts?.away ? words.carried(counts.away) : null,
    counts?.messages ? words.waiting(counts.messages) : null,
  ].filter(Boolean);
  const asks = phase === 'confirmed' && (counts?.suggested ?? 0) > 0;
  return (
    <li className={cx('flex items-start gap-2.5 border-b px-4 py-2', LOOK[phase])}>
      <PhaseSign phase={phase} className={cx('mt-0.5 size-4 shrink-0', SIGN[phase])} />
      <div className="flex min-w-0 flex-1 flex-wrap items-baseline gap-x-3 gap-y-0.5 text-sm">
        <p className="font-semibold">
          {headline(incident)}{' '}
          <span className="font-normal whitespace-nowrap text-ink-2 tabular-nums">
            {words.since(moment(incident.since, now))}
          </span>
        </p>
        {phase === 'recovering' ? null : <p className={cx('text-ink-2', ROOM)}>{certainty(incident)}</p>}
        <p className={cx('text-pretty', told.length > 0 && !asks && 'max-md:sr-only', ROOM)}>
          {words.doing(phase, counts)}
        </p>
        {told.length > 0 ? <p className="font-medium tabular-nums">{told.join(' · ')}</p> : null}
        {incident.simulated ? (
          <span className={ROOM}>
            <SimulatedTag />
          </span>
        ) : null}
      </div>
      <Link
        to="/continuity/incidents/$incidentId"
        params={{ incidentId: incident.id }}
        className="inline-flex shrink-0 items-center rounded text-sm font-semibold text-accent-ink underline-offset-2 hover:underline pointer-coarse:py-1.5"
      >
        <span className="max-md:sr-only">{asks ? words.approve : words.details}</span>
        <ChevronRight aria-hidden="true" className="size-4" />
      </Link>
    </li>
  );
}

/** Says when an incident begins or changes its phase. */
function useSpoken(incidents: readonly Incident[]): void {
  const told = useRef(new Map<string, Phase>());
  useEffect(() => {
    for (const incident of incidents) {
      if (told.current.get(incident.id) === incident.phase) continue;
      told.current.set(incident.id, incident.phase);
      announce(words.appeared(headline(incident), words.phases[incident.phase]));
    }
  }, [incidents]);
}

/** What is down now, on every page: what, since when, how sure, what is done about it. */
export function IncidentBanner({ incidents }: { incidents: readonly Incident[] }) {
  const sorted = byGravity(incidents);
  const shown = sorted.slice(0, SHOWN_MAX);
  const details = useQueries({ queries: shown.map((incident) => incidentQuery(incident.id)) });
  useSpoken(incidents);
  const more = sorted.length - shown.length;
  return (
    <section aria-label={words.incidents}>
      <ul>
        {shown.map((incident, at) => (
          <Line key={incident.id} incident={incident} detail={details[at]?.data} />
        ))}
      </ul>
      {more > 0 ? (
        <Link
          to="/continuity/incidents"
          className="block border-b border-line bg-bg px-4 py-1 pl-10.5 text-sm font-medium text-accent-ink underline-offset-2 hover:underline"
        >
          {words.more(more)}
        </Link>
      ) : null}
    </section>
  );
}
