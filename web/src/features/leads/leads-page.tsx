import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { ListChecks, SearchX } from 'lucide-react';
import { useEffect, useState } from 'react';
import { age, full } from '../../lib/dates';
import { usePipelines } from '../../lib/queries';
import type { Lead, Stage } from '../../lib/types';
import { useNow } from '../../lib/use-now';
import { Avatar } from '../../ui/avatar';
import { Button } from '../../ui/button';
import { ChannelBadge } from '../../ui/channel-badge';
import { PageFrame } from '../../ui/page';
import { Empty, Failed, SkeletonRows } from '../../ui/states';
import { sayDone, sayFailed } from '../../ui/toasts';
import { useRole } from '../continuity/use-role';
import { moveLead, useLeads } from './api';
import { words } from './strings';

const TYPING_MS = 200;
const DOTS = { open: 'bg-warn', won: 'bg-ok', lost: 'bg-ink-3' };

/** A lead's stored answers in one line. */
function summary(lead: Lead): string {
  return Object.entries(lead.fields ?? {})
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' · ');
}

function StageSelect({ lead, stages }: { lead: Lead; stages: Stage[] }) {
  const client = useQueryClient();
  const readOnly = useRole() === 'viewer';
  const stage = stages.find((each) => each.id === lead.stage_id);
  const move = (to: string) => {
    const before = lead.stage_id;
    moveLead(client, lead, to)
      .then(() =>
        sayDone(
          words.moved(lead.contact.name, stages.find((each) => each.id === to)?.name ?? ''),
          () =>
            void moveLead(client, lead, before).catch((error: unknown) => sayFailed(words.notMoved, error)),
        ),
      )
      .catch((error: unknown) => sayFailed(words.notMoved, error));
  };
  return (
    <span className="relative block">
      <span
        aria-hidden="true"
        className={`absolute top-1/2 left-2.5 size-2 -translate-y-1/2 rounded-full ${DOTS[stage?.kind ?? 'open']}`}
      />
      <select
        value={lead.stage_id}
        aria-label={words.stageOf(lead.contact.name)}
        disabled={readOnly}
        onChange={(event) => move(event.target.value)}
        className="field h-8 py-0 pr-2 pl-6.5"
      >
        {stages.map((each) => (
          <option key={each.id} value={each.id}>
            {each.name}
          </option>
        ))}
      </select>
    </span>
  );
}

function LeadRow({ lead, stages }: { lead: Lead; stages: Stage[] }) {
  const now = useNow();
  const name = lead.contact.name;
  return (
    <tr className="border-b border-line align-middle last:border-0 max-md:grid max-md:grid-cols-[1fr_auto] max-md:gap-x-3 max-md:gap-y-1.5 max-md:py-3">
      <th scope="row" className="py-2.5 pr-4 text-left font-medium max-md:p-0">
        <span className="flex min-w-0 items-center gap-2.5">
          <Avatar name={name} seed={lead.contact.id} />
          {lead.conversation_id ? (
            <Link
              to="/inbox/$conversationId"
              params={{ conversationId: lead.conversation_id }}
              search={{ view: 'all' }}
              aria-label={words.openThread(name)}
              dir="auto"
              className="min-w-0 rounded text-left underline-offset-2 [overflow-wrap:anywhere] hover:underline md:truncate"
            >
              {name}
            </Link>
          ) : (
            name
          )}
        </span>
      </th>
      <td className="py-2.5 pr-4 max-md:row-start-2 max-md:p-0">
        <StageSelect lead={lead} stages={stages} />
      </td>
      <td className="py-2.5 pr-4 text-sm text-ink-2 max-md:self-center max-md:p-0 max-md:text-right">
        <ChannelBadge channel={lead.source_channel} />
      </td>
      <td className="truncate py-2.5 pr-4 text-sm text-ink-2 max-md:hidden" title={summary(lead)}>
        {summary(lead)}
      </td>
      <td className="py-2.5 text-right text-sm whitespace-nowrap text-ink-3 tabular-nums max-md:p-0 max-md:self-center">
        <time dateTime={lead.updated_at} title={full(lead.updated_at)}>
          {age(lead.updated_at, now)}
        </time>
      </td>
    </tr>
  );
}

/** All leads with their stages. */
export function LeadsPage() {
  const search = useSearch({ from: '/app/leads' });
  const navigate = useNavigate();
  const pipelines = usePipelines();
  const leads = useLeads(search);
  const [text, setText] = useState(search.q ?? '');
  const stages = pipelines.data?.flatMap((pipeline) => pipeline.stages) ?? [];
  const rows = leads.data?.pages.flatMap((page) => page.items) ?? [];
  const narrowed = Boolean(search.q || search.stage);

  useEffect(() => {
    const q = text.trim() || undefined;
    if (q === search.q) return;
    const timer = setTimeout(
      () => void navigate({ to: '/leads', search: (before) => ({ ...before, q }), replace: true }),
      TYPING_MS,
    );
    return () => clearTimeout(timer);
  }, [text, search.q, navigate]);

  return (
    <PageFrame
      title={words.title}
      text={words.text}
      actions={
        <div className="flex gap-2 max-md:w-full">
          <input
            type="search"
            value={text}
            onChange={(event) => setText(event.target.value)}
            placeholder={words.search}
            aria-label={words.search}
            className="field h-9 md:w-56"
          />
          <select
            value={search.stage ?? ''}
            aria-label={words.stage}
            onChange={(event) =>
              void navigate({
                to: '/leads',
                search: (before) => ({ ...before, stage: event.target.value || undefined }),
              })
            }
            className="field h-9 w-40"
          >
            <option value="">{words.allStages}</option>
            {stages.map((stage) => (
              <option key={stage.id} value={stage.id}>
                {stage.name}
              </option>
            ))}
          </select>
        </div>
      }
    >
      {leads.isPending ? (
        <SkeletonRows count={6} label={words.loading} />
      ) : leads.isError && rows.length === 0 ? (
        <Failed error={leads.error} retry={() => void leads.refetch()} />
      ) : rows.length === 0 ? (
        <Empty
          Sign={narrowed ? SearchX : ListChecks}
          title={narrowed ? words.nothing : words.empty}
          text={narrowed ? words.nothingText : words.emptyText}
        />
      ) : (
        <>
          <table className="w-full border-t border-line md:table-fixed">
            <thead className="max-md:sr-only">
              <tr className="border-b border-line text-left text-xs text-ink-2">
                <th className="w-[38%] py-2 font-medium">{words.columns.contact}</th>
                <th className="w-44 py-2 font-medium">{words.columns.stage}</th>
                <th className="w-28 py-2 font-medium">{words.columns.source}</th>
                <th className="py-2 font-medium">{words.columns.fields}</th>
                <th className="w-20 py-2 text-right font-medium">{words.columns.updated}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((lead) => (
                <LeadRow key={lead.id} lead={lead} stages={stages} />
              ))}
            </tbody>
          </table>
          {leads.hasNextPage ? (
            <Button
              className="mt-4"
              busy={leads.isFetchingNextPage}
              onClick={() => void leads.fetchNextPage()}
            >
              {words.more}
            </Button>
          ) : null}
        </>
      )}
    </PageFrame>
  );
}
