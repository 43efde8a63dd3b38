import { useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { ArrowLeft } from 'lucide-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import { cx } from '../../lib/cx';
import { clock, full, moment, span } from '../../lib/dates';
import { keys } from '../../lib/keys';
import type { IncidentDetail } from '../../lib/types';
import { useNow } from '../../lib/use-now';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { AreaField, FormError } from '../../ui/form';
import { PageFrame } from '../../ui/page';
import { Failed, SkeletonRows } from '../../ui/states';
import { sayDone } from '../../ui/toasts';
import { dismiss, useIncident } from './api';
import { SimulatedTag } from './banner';
import { GapsSection, HistorySection } from './history-section';
import { evidence, headline, lasted, percent } from './model';
import { PhaseTag } from './phase-tag';
import { PlansSection } from './plans-section';
import { words } from './strings';
import { useMayChange } from './use-role';

const MINUTE = 60_000;

function Section({ title, text, children }: { title: string; text?: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="border-t border-line py-6">
      <h2 className="text-lg font-semibold">{title}</h2>
      {text ? <p className="text-pretty text-ink-2">{text}</p> : null}
      <div className="mt-3">{children}</div>
    </section>
  );
}

function Shares({ incident }: { incident: IncidentDetail }) {
  if (incident.declared) return <p>{words.declaredNote}</p>;
  return (
    <>
      <ul className="max-w-xl space-y-2">
        {incident.shares.map(({ what, share }, at) => (
          <li key={what} className="flex items-center gap-3">
            <span className="w-40 shrink-0 text-sm [overflow-wrap:anywhere]">{what}</span>
            <span aria-hidden="true" className="h-2.5 flex-1 overflow-hidden rounded-full bg-active">
              <span
                className={cx('block h-full rounded-full', at === 0 ? 'bg-accent' : 'bg-ink-3')}
                style={{ width: `${Math.max(1, share * 100)}%` }}
              />
            </span>
            <span className="w-11 shrink-0 text-right text-sm font-medium tabular-nums">
              {percent(share)}
            </span>
          </li>
        ))}
      </ul>
      {incident.phase === 'closed' ? null : (
        <p className="mt-3 text-sm text-pretty text-ink-2">{words.avoided(incident.avoided)}</p>
      )}
    </>
  );
}

function Fact({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="min-w-28">
      <dt className="text-sm text-ink-2">{title}</dt>
      <dd className="text-xl font-semibold tracking-tight tabular-nums">{children}</dd>
    </div>
  );
}

function Facts({ incident }: { incident: IncidentDetail }) {
  const now = useNow();
  const { counts, phase } = incident;
  const time = lasted(incident, now);
  return (
    <dl className="flex flex-wrap gap-x-8 gap-y-4 pb-6">
      <Fact title={words.facts.since}>
        <time dateTime={incident.since} title={full(incident.since)}>
          {moment(incident.since, now)}
        </time>
      </Fact>
      <Fact title={phase === 'closed' ? words.facts.lasted : words.facts.going}>
        {time < MINUTE ? words.underMinute : span(time)}
      </Fact>
      <Fact title={words.facts.carried}>{counts.carried}</Fact>
      {counts.away > 0 ? <Fact title={words.facts.away}>{counts.away}</Fact> : null}
      <Fact title={words.facts.waiting}>{counts.messages}</Fact>
    </dl>
  );
}

function EvidenceList({ incident }: { incident: IncidentDetail }) {
  if (incident.evidence.length === 0) return <p className="text-ink-2">{words.noEvidence}</p>;
  return (
    <ul className="space-y-2.5">
      {incident.evidence.map((line) => (
        <li key={`${line.account}${line.signal}`}>
          <p>
            <span className="font-medium">{line.account}: </span>
            {evidence(line)}
          </p>
          {line.detail ? (
            <p className="text-sm [overflow-wrap:anywhere] text-ink-2">
              {words.said}: “{line.detail}”
            </p>
          ) : null}
        </li>
      ))}
    </ul>
  );
}

function Timeline({ incident }: { incident: IncidentDetail }) {
  if (incident.timeline.length === 0) return <p className="text-ink-2">{words.noTimeline}</p>;
  return (
    <ol className="space-y-3 border-l-2 border-line pl-4">
      {incident.timeline.map((line, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no id and are only ever added at the end
        <li key={at} className="relative">
          <span
            aria-hidden="true"
            className="absolute top-1.5 -left-[1.4375rem] size-3 rounded-full border-2 border-surface bg-accent"
          />
          <time
            dateTime={line.at}
            title={full(line.at)}
            className="text-sm font-medium text-ink-2 tabular-nums"
          >
            {clock(line.at)}
          </time>
          <p className="text-pretty">{line.text}</p>
        </li>
      ))}
    </ol>
  );
}

function DismissDialog({ incident, onClose }: { incident: IncidentDetail; onClose: () => void }) {
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    dismiss(incident.id, reason)
      .then(async () => {
        await client.invalidateQueries({ queryKey: keys.incidents });
        sayDone(words.dismissed);
        onClose();
      })
      .catch((failure: unknown) => {
        setError(failure);
        setBusy(false);
      });
  };
  return (
    <Dialog open onClose={onClose} title={words.dismissTitle} description={words.dismissText}>
      <form onSubmit={submit} className="space-y-4">
        <AreaField
          label={words.dismissReason}
          value={reason}
          set={setReason}
          maxLength={500}
          placeholder={words.dismissPlaceholder}
        />
        <FormError error={error} what={words.notDismissed} />
        <div className="flex flex-wrap gap-2">
          <Button kind="danger" type="submit" busy={busy}>
            {words.dismiss}
          </Button>
          <Button onClick={onClose}>{words.keep}</Button>
        </div>
      </form>
    </Dialog>
  );
}

function Story({ incident }: { incident: IncidentDetail }) {
  const mayChange = useMayChange();
  const [dismissing, setDismissing] = useState(false);
  const open = incident.phase !== 'closed';
  return (
    <PageFrame
      title={headline(incident)}
      text={words.doing(incident.phase, incident.counts)}
      above={
        <div className="mb-3 flex flex-wrap items-center gap-x-3 gap-y-1.5">
          <Link
            to="/continuity/incidents"
            className="inline-flex items-center gap-1 rounded text-sm font-medium text-accent-ink underline-offset-2 hover:underline"
          >
            <ArrowLeft aria-hidden="true" className="size-4" />
            {words.back}
          </Link>
          <span className="text-sm text-ink-2">{words.incident(incident.number)}</span>
          <PhaseTag phase={incident.phase} />
          {incident.simulated ? <SimulatedTag /> : null}
        </div>
      }
      actions={
        open && mayChange ? <Button onClick={() => setDismissing(true)}>{words.dismiss}</Button> : null
      }
    >
      <Facts incident={incident} />
      <Section title={words.who}>
        <PlansSection incident={incident} />
      </Section>
      {incident.history.length > 0 ? (
        <Section title={words.history} text={words.historyText}>
          <HistorySection reports={incident.history} />
        </Section>
      ) : null}
      {incident.gaps.length > 0 ? (
        <Section title={words.gaps} text={words.gapsText}>
          <GapsSection gaps={incident.gaps} />
        </Section>
      ) : null}
      <Section title={words.sure} {...(incident.declared ? {} : { text: words.sureNote })}>
        <Shares incident={incident} />
      </Section>
      <Section title={words.evidence}>
        <EvidenceList incident={incident} />
      </Section>
      <Section title={words.timeline}>
        <Timeline incident={incident} />
      </Section>
      {dismissing ? <DismissDialog incident={incident} onClose={() => setDismissing(false)} /> : null}
    </PageFrame>
  );
}

/** One incident: what it is, how sure we are, whom it touched, what happened. */
export function IncidentPage() {
  const { incidentId = '' } = useParams({ strict: false }) as { incidentId?: string };
  const incident = useIncident(incidentId);
  if (incident.data) return <Story incident={incident.data} />;
  return (
    <PageFrame title={words.incidents}>
      {incident.isError ? (
        <Failed error={incident.error} retry={() => void incident.refetch()} />
      ) : (
        <SkeletonRows count={6} label={words.loadingIncident} />
      )}
    </PageFrame>
  );
}
