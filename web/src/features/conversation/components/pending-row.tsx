import { CloudUpload, Paperclip } from 'lucide-react';
import { clock } from '../../../lib/dates';
import type { Pending } from '../../../realtime/thread';
import { Button } from '../../../ui/button';
import { words } from '../strings';
import { Bubble } from './bubble';
import { LinkedText } from './linked-text';

interface PendingRowProps {
  pending: Pending;
  onRetry: (pending: Pending) => void;
  onDiscard: (clientId: string) => void;
}

/** A message that has not reached the hub yet, or that the hub refused. */
export function PendingRow({ pending, onRetry, onDiscard }: PendingRowProps) {
  const { error } = pending;
  return (
    <article className="flex flex-col items-end pt-3">
      <div className="flex max-w-[min(36rem,88%)] min-w-0">
        <Bubble
          kind={pending.kind === 'note' ? 'note' : 'out'}
          first
          last
          faded={error === null}
          alarm={error !== null}
          quote={pending.replyTo ? pending.replyTo.text : undefined}
        >
          {pending.attachments.map((file) => (
            <p key={file.media_id} className="flex items-center gap-1.5 text-sm">
              <Paperclip aria-hidden="true" className="size-3.5" />
              {file.name}
            </p>
          ))}
          {pending.text ? <LinkedText text={pending.text} /> : null}
        </Bubble>
      </div>
      {error ? (
        <div
          role="alert"
          className="mt-1 rounded-lg border border-danger-line bg-danger-soft px-3 py-2 text-sm"
        >
          <p>
            <span className="font-medium text-danger">{words.notSent}.</span> {error.title} {error.nextStep}
          </p>
          <div className="mt-2 flex gap-2">
            <Button size="sm" onClick={() => onRetry(pending)}>
              {words.tryAgain}
            </Button>
            <Button size="sm" kind="quiet" onClick={() => onDiscard(pending.clientId)}>
              {words.discard}
            </Button>
          </div>
        </div>
      ) : (
        <p className="mt-1 flex items-center gap-1 px-1 text-xs text-ink-3">
          <span className="tabular-nums">{clock(pending.at)}</span>
          <CloudUpload aria-hidden="true" className="size-3.5" />
          {words.states.sending}
        </p>
      )}
    </article>
  );
}
