import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ChevronRight } from 'lucide-react';
import { useState } from 'react';
import { keys } from '../../lib/keys';
import type { IncidentDetail, Plan } from '../../lib/types';
import { Button } from '../../ui/button';
import { ChannelBadge } from '../../ui/channel-badge';
import { Failed, SkeletonRows } from '../../ui/states';
import { sayDone, sayFailed } from '../../ui/toasts';
import { approve, suggestedOf, useIncidentPlans } from './api';
import { grouped, reason } from './model';
import { words } from './strings';
import { useRole } from './use-role';

type Shown = 'done' | 'held' | 'suggested' | 'returned';

function PlanRow({ plan, chosen, choose }: { plan: Plan; chosen?: boolean; choose?: (on: boolean) => void }) {
  const name = plan.contact || words.unknown;
  return (
    <li className="border-b border-line py-2.5 last:border-0">
      <div className="flex items-start gap-3">
        {choose ? (
          <input
            type="checkbox"
            checked={chosen}
            aria-label={words.choose(name)}
            onChange={(event) => choose(event.target.checked)}
            className="mt-1 size-4"
          />
        ) : null}
        <div className="min-w-0 flex-1">
          <p className="flex flex-wrap items-center gap-x-2">
            <Link
              to="/inbox/$conversationId"
              params={{ conversationId: plan.conversation }}
              search={{ view: 'all' }}
              className="rounded font-medium underline-offset-2 hover:underline"
            >
              {name}
            </Link>
            {plan.channel ? (
              <span className="inline-flex items-center gap-1.5 text-sm text-ink-2">
                {words.to} <ChannelBadge channel={plan.channel} />
              </span>
            ) : (
              <span className="text-sm text-ink-2">{reason(plan.decision)}</span>
            )}
            {plan.by ? <span className="text-sm text-ink-2">{words.byPerson(plan.by)}</span> : null}
          </p>
          <details className="text-sm">
            <summary className="w-fit cursor-pointer rounded font-medium text-accent-ink">
              {words.why}
            </summary>
            <ul className="mt-1 space-y-0.5 text-pretty text-ink-2">
              {plan.ways.map((way) => (
                <li key={way}>{way}</li>
              ))}
            </ul>
          </details>
        </div>
      </div>
    </li>
  );
}

function Plans({ id, state }: { id: string; state: Shown }) {
  const mayApprove = useRole() !== 'viewer';
  const plans = useIncidentPlans(id, state);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  if (plans.isPending) return <SkeletonRows count={3} label={words.loadingPlans} />;
  if (plans.isError) return <Failed error={plans.error} retry={() => void plans.refetch()} />;
  const rows = plans.data.pages.flat();
  const toggle = (conversation: string) => (on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(conversation);
    else next.delete(conversation);
    setChosen(next);
  };
  return (
    <>
      {state === 'suggested' && chosen.size > 0 ? (
        <ApproveButton id={id} conversations={[...chosen]} onDone={() => setChosen(new Set())} />
      ) : null}
      {rows.length === 0 ? <p className="py-2 text-sm text-ink-2">{words.noPlans}</p> : null}
      <ul className="mt-1">
        {rows.map((plan) => (
          <PlanRow
            key={plan.id}
            plan={plan}
            {...(state === 'suggested' && mayApprove
              ? { chosen: chosen.has(plan.conversation), choose: toggle(plan.conversation) }
              : {})}
          />
        ))}
      </ul>
      {plans.hasNextPage ? (
        <Button size="sm" busy={plans.isFetchingNextPage} onClick={() => void plans.fetchNextPage()}>
          {words.morePlans}
        </Button>
      ) : null}
    </>
  );
}

/** Carries what was chosen on, or all; the progress shows in the button's place. */
function ApproveButton({
  id,
  conversations,
  total,
  onDone,
}: {
  id: string;
  conversations: string[] | null;
  total?: number;
  onDone?: () => void;
}) {
  const client = useQueryClient();
  const [progress, setProgress] = useState<{ done: number; all: number } | null>(null);
  const [problems, setProblems] = useState<string[]>([]);
  const go = async () => {
    setProblems([]);
    setProgress({ done: 0, all: conversations?.length ?? total ?? 0 });
    try {
      const ids = conversations ?? (await suggestedOf(id));
      const result = await approve(id, ids, (done) => setProgress({ done, all: ids.length }));
      setProblems(result.problems);
      sayDone(words.approved(result.carried));
      onDone?.();
    } catch (error) {
      sayFailed(words.notApproved, error);
    } finally {
      setProgress(null);
      void client.invalidateQueries({ queryKey: keys.incidents });
    }
  };
  return (
    <div className="my-2">
      {progress ? (
        <div className="max-w-sm" role="status">
          <p className="text-sm font-medium tabular-nums">{words.approving(progress.done, progress.all)}</p>
          <progress
            aria-label={words.suggested(progress.all)}
            value={progress.done}
            max={progress.all || 1}
            className="h-2 w-full accent-accent"
          />
        </div>
      ) : (
        <Button kind="primary" onClick={() => void go()}>
          {conversations ? words.chooseSome(conversations.length) : words.chooseAll(total ?? 0)}
        </Button>
      )}
      {problems.length > 0 ? (
        <div role="alert" className="mt-2 text-sm text-warn">
          <p className="font-medium">{words.problems(problems.length)}</p>
          <ul>
            {[...new Set(problems)].map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </div>
      ) : null}
    </div>
  );
}

const TITLES: Record<Shown, (n: number) => string> = {
  suggested: words.suggested,
  done: words.carriedOver,
  held: words.held,
  returned: words.returned,
};

function StateGroup({ incident, state }: { incident: IncidentDetail; state: Shown }) {
  const mayApprove = useRole() !== 'viewer';
  const [open, setOpen] = useState(false);
  const { groups, total } = grouped(incident, state);
  if (total === 0) return null;
  return (
    <div className="py-3 first:pt-0 last:pb-0">
      <h3 className="font-semibold">{TITLES[state](total)}</h3>
      {state === 'suggested' ? <p className="text-sm text-ink-2">{words.suggestedText}</p> : null}
      <ul className="mt-1 flex flex-wrap gap-x-5 gap-y-1 text-sm">
        {groups.map((group) => (
          <li key={`${group.channel}${group.why}`} className="flex items-center gap-1.5">
            <span className="font-semibold tabular-nums">{group.count}</span>
            {group.why ? (
              <span className="text-ink-2">{reason(group.why)}</span>
            ) : group.channel ? (
              <span className="inline-flex items-center gap-1.5 text-ink-2">
                {words.to} <ChannelBadge channel={group.channel} />
              </span>
            ) : null}
          </li>
        ))}
      </ul>
      {state === 'suggested' && mayApprove ? (
        <ApproveButton id={incident.id} conversations={null} total={total} />
      ) : null}
      <details className="mt-1.5" onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="flex w-fit cursor-pointer items-center gap-1 rounded text-sm font-medium text-accent-ink [&::-webkit-details-marker]:hidden">
          <ChevronRight aria-hidden="true" className="size-4 [[open]>summary>&]:rotate-90" />
          {words.show}
        </summary>
        {open ? <Plans id={incident.id} state={state} /> : null}
      </details>
    </div>
  );
}

/** Who was carried where, who waits and why, who is back: counts first, each conversation on demand. */
export function PlansSection({ incident }: { incident: IncidentDetail }) {
  if (incident.groups.length === 0) return <p className="text-ink-2">{words.nobody}</p>;
  return (
    <div className="divide-y divide-line">
      {(['suggested', 'done', 'held', 'returned'] as const).map((state) => (
        <StateGroup key={state} incident={incident} state={state} />
      ))}
    </div>
  );
}
