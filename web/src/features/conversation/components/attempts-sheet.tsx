import { History } from 'lucide-react';
import { full } from '../../../lib/dates';
import type { Attempt, Message } from '../../../lib/types';
import { Dialog } from '../../../ui/dialog';
import { Empty, Failed, SkeletonRows } from '../../../ui/states';
import { Tag } from '../../../ui/tag';
import { useAttempts } from '../api';
import { words } from '../strings';

const TONES: Record<string, 'accent' | 'danger' | 'warn'> = {
  accepted: 'accent',
  refused: 'danger',
  uncertain: 'warn',
  not_executed: 'warn',
};

function Payload({ title, text }: { title: string; text: string | null }) {
  if (!text) return null;
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Not JSON: shown as it is.
  }
  return (
    <details className="mt-2">
      <summary className="w-fit cursor-pointer rounded text-sm font-medium text-accent-ink">{title}</summary>
      <pre className="mt-1 max-h-72 overflow-auto rounded-lg border border-line bg-bg p-3 font-mono text-xs whitespace-pre-wrap [overflow-wrap:anywhere]">
        {shown}
      </pre>
    </details>
  );
}

function AttemptCard({ attempt }: { attempt: Attempt }) {
  const took = attempt.ended_at ? Date.parse(attempt.ended_at) - Date.parse(attempt.started_at) : null;
  return (
    <li className="border-b border-line py-4 first:pt-0 last:border-0">
      <div className="flex items-center gap-2">
        <p className="flex-1 font-medium">{words.attempt(attempt.part_index, attempt.number)}</p>
        <Tag tone={TONES[attempt.outcome ?? ''] ?? 'plain'}>
          {attempt.outcome?.replaceAll('_', ' ') ?? words.underWay}
        </Tag>
      </div>
      <p className="mt-0.5 text-sm text-ink-2 tabular-nums">
        {full(attempt.started_at)}
        {took === null ? '' : ` · ${took} ms`}
      </p>
      {attempt.text || attempt.code ? (
        <p className="mt-1 text-sm">
          {attempt.text} {attempt.code ? <span className="text-ink-2">({attempt.code})</span> : null}
        </p>
      ) : null}
      {attempt.retry_at ? (
        <p className="mt-1 text-sm text-ink-2">{words.retryAt(full(attempt.retry_at))}</p>
      ) : null}
      <Payload title={words.request} text={attempt.request} />
      <Payload title={words.response} text={attempt.response} />
    </li>
  );
}

/** Every call made for a message: what was asked, what was answered. */
export function AttemptsSheet({ message, onClose }: { message: Message; onClose: () => void }) {
  const attempts = useAttempts(message.id);
  return (
    <Dialog open onClose={onClose} title={words.attempts} description={words.attemptsText} shape="side">
      {attempts.isPending ? (
        <SkeletonRows count={3} label={words.loading} />
      ) : attempts.isError ? (
        <Failed error={attempts.error} retry={() => void attempts.refetch()} />
      ) : attempts.data.length === 0 ? (
        <Empty Sign={History} title={words.noAttempts} text={words.noAttemptsText} />
      ) : (
        <ul>
          {attempts.data.map((attempt) => (
            <AttemptCard key={attempt.id} attempt={attempt} />
          ))}
        </ul>
      )}
    </Dialog>
  );
}
