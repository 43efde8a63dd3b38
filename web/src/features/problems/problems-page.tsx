import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CircleCheck, RotateCw } from 'lucide-react';
import { useState } from 'react';
import { get, post, query } from '../../lib/api';
import { full } from '../../lib/dates';
import { keys } from '../../lib/keys';
import { useAccounts } from '../../lib/queries';
import type { Page, Problem } from '../../lib/types';
import { Button } from '../../ui/button';
import { ChannelBadge } from '../../ui/channel-badge';
import { PageFrame } from '../../ui/page';
import { Empty, Failed, SkeletonRows } from '../../ui/states';
import { sayDone, sayFailed } from '../../ui/toasts';
import { words } from './strings';

function pretty(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}

function ProblemItem({ problem }: { problem: Problem }) {
  const client = useQueryClient();
  const accounts = useAccounts();
  const [busy, setBusy] = useState(false);
  const account = accounts.data?.find((each) => each.id === problem.account)?.name ?? problem.account;
  const replay = () => {
    setBusy(true);
    post<{ solved: boolean }>(`/problems/${problem.id}/replay`)
      .then(({ solved }) => {
        const done = problem.recurring ? words.isSolved : words.replayed;
        sayDone(solved ? done : words.notSolved);
      })
      .catch((error: unknown) => sayFailed(problem.recurring ? words.notMarked : words.notReplayed, error))
      .finally(() => {
        setBusy(false);
        void client.invalidateQueries({ queryKey: keys.problems });
        void client.invalidateQueries({ queryKey: keys.system });
      });
  };
  return (
    <li className="border-b border-line py-4 last:border-0">
      <div className="flex flex-wrap items-start gap-3">
        <div className="min-w-0 flex-1 basis-64">
          <h2 className="font-medium [overflow-wrap:anywhere]">{problem.reason}</h2>
          <p className="mt-0.5 flex flex-wrap items-center gap-x-3 text-sm text-ink-2">
            {problem.channel ? <ChannelBadge channel={problem.channel} /> : null}
            {account ? <span>{account}</span> : null}
            {problem.rule ? (
              <Link to="/automation" className="rounded text-accent-ink underline-offset-2 hover:underline">
                {words.rule(problem.rule.name)}
              </Link>
            ) : null}
            {problem.recurring ? (
              <span className="tabular-nums">
                <span className="font-medium text-ink">{words.times(problem.count)}</span>
                {problem.count > 1 ? `, ${words.since(full(problem.at), full(problem.last_at))}` : null}
              </span>
            ) : null}
            {problem.recurring && problem.count > 1 ? null : (
              <time dateTime={problem.at} className="tabular-nums">
                {full(problem.at)}
              </time>
            )}
          </p>
        </div>
        <Button size="sm" busy={busy} onClick={replay}>
          {problem.recurring ? (
            <CircleCheck aria-hidden="true" className="size-3.5" />
          ) : (
            <RotateCw aria-hidden="true" className="size-3.5" />
          )}
          {problem.recurring ? words.solved : words.replay}
        </Button>
      </div>
      <details className="mt-2">
        <summary className="w-fit cursor-pointer rounded text-sm font-medium text-accent-ink">
          {problem.recurring ? words.newest : words.raw}
        </summary>
        <pre className="mt-1 max-h-80 overflow-auto rounded-lg border border-line bg-bg p-3 font-mono text-xs whitespace-pre-wrap [overflow-wrap:anywhere]">
          {pretty(problem.raw)}
        </pre>
      </details>
    </li>
  );
}

/** What came in and was not understood. */
export function ProblemsPage() {
  const problems = useInfiniteQuery({
    queryKey: keys.problems,
    queryFn: async ({ pageParam, signal }) => {
      const answer = await get<Page<Problem> | Problem[]>(
        `/problems${query({ cursor: pageParam, limit: 50 })}`,
        signal,
      );
      return Array.isArray(answer) ? { items: answer, next_cursor: null } : answer;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });
  const rows = problems.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <PageFrame title={words.title} text={words.text}>
      {problems.isPending ? (
        <SkeletonRows count={4} label={words.loading} />
      ) : problems.isError ? (
        <Failed error={problems.error} retry={() => void problems.refetch()} />
      ) : rows.length === 0 ? (
        <Empty Sign={CircleCheck} title={words.empty} text={words.emptyText} />
      ) : (
        <ul className="border-t border-line">
          {rows.map((problem) => (
            <ProblemItem key={problem.id} problem={problem} />
          ))}
        </ul>
      )}
      {problems.hasNextPage ? (
        <Button
          className="mt-4"
          busy={problems.isFetchingNextPage}
          onClick={() => void problems.fetchNextPage()}
        >
          {words.more}
        </Button>
      ) : null}
    </PageFrame>
  );
}
