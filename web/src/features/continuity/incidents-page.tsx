import { Link } from '@tanstack/react-router';
import { CircleCheck, History } from 'lucide-react';
import { full, moment, span } from '../../lib/dates';
import type { Incident } from '../../lib/types';
import { useNow } from '../../lib/use-now';
import { Button } from '../../ui/button';
import { Empty, Failed, SkeletonRows } from '../../ui/states';
import { useIncidents } from './api';
import { SimulatedTag } from './banner';
import { byGravity, certainty, headline, lasted } from './model';
import { PhaseTag } from './phase-tag';
import { words } from './strings';

function Item({ incident }: { incident: Incident }) {
  const now = useNow();
  return (
    <li className="border-b border-line last:border-0">
      <Link
        to="/continuity/incidents/$incidentId"
        params={{ incidentId: incident.id }}
        className="focus-inset -mx-3 block rounded-lg px-3 py-3.5 hover:bg-hover"
      >
        <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-semibold">{headline(incident)}</span>
          <PhaseTag phase={incident.phase} />
          {incident.simulated ? <SimulatedTag /> : null}
        </span>
        <span className="mt-0.5 block text-sm text-ink-2">
          <span className="tabular-nums">
            {words.incident(incident.number)}, {words.since(moment(incident.since, now))},{' '}
            {(incident.phase === 'closed' ? words.lasted : words.going)(span(lasted(incident, now)))}
          </span>
          . {certainty(incident)}.
        </span>
        <span className="sr-only">{full(incident.since)}</span>
      </Link>
    </li>
  );
}

/** What is down, and what was. */
export function IncidentsPage() {
  const incidents = useIncidents();
  if (incidents.isPending) return <SkeletonRows count={4} label={words.loadingIncidents} />;
  if (incidents.isError) return <Failed error={incidents.error} retry={() => void incidents.refetch()} />;
  const all = incidents.data.pages.flat();
  const open = byGravity(all.filter((each) => each.phase !== 'closed'));
  const before = all.filter((each) => each.phase === 'closed');
  return (
    <div className="space-y-8">
      <section aria-labelledby="open-now">
        <h2 id="open-now" className="mb-1 text-lg font-semibold">
          {words.openNow}
        </h2>
        {open.length === 0 ? (
          <p className="flex items-start gap-2 py-2">
            <CircleCheck aria-hidden="true" className="mt-0.5 size-4 text-ok" />
            <span>
              {words.quiet}. <span className="text-ink-2">{words.quietText}</span>
            </span>
          </p>
        ) : (
          <ul>
            {open.map((incident) => (
              <Item key={incident.id} incident={incident} />
            ))}
          </ul>
        )}
      </section>
      <section aria-labelledby="before">
        <h2 id="before" className="mb-1 text-lg font-semibold">
          {words.before}
        </h2>
        {before.length === 0 ? (
          <Empty Sign={History} title={words.noneBefore} text={words.noneBeforeText} />
        ) : (
          <ul>
            {before.map((incident) => (
              <Item key={incident.id} incident={incident} />
            ))}
          </ul>
        )}
        {incidents.hasNextPage ? (
          <Button
            className="mt-4"
            busy={incidents.isFetchingNextPage}
            onClick={() => void incidents.fetchNextPage()}
          >
            {words.morePlans}
          </Button>
        ) : null}
      </section>
    </div>
  );
}
