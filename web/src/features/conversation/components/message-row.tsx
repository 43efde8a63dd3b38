import { Bot, Info, Smartphone, SquareMousePointer } from 'lucide-react';
import { memo } from 'react';
import { channelStyle } from '../../../lib/channel-style';
import { cx } from '../../../lib/cx';
import { clock, full, moment } from '../../../lib/dates';
import type { Message } from '../../../lib/types';
import { useNow } from '../../../lib/use-now';
import { Button } from '../../../ui/button';
import { canResend, isQuiet, sentence } from '../model';
import { words } from '../strings';
import { Attachments } from './attachments';
import { Bubble } from './bubble';
import { LinkedText } from './linked-text';
import { type MessageActions, MessageMenu } from './message-menu';
import { MessageStateLine, reasonText } from './message-state';
import { StuckTag } from './stuck-tag';
import { UnverifiedTag } from './unverified-tag';

function AuthorLine({ message, customer }: { message: Message; customer: string }) {
  const { kind, name } = message.author;
  if (kind === 'bot') {
    return (
      <>
        <Bot aria-hidden="true" className="size-3.5" />
        {name || words.bot}
      </>
    );
  }
  if (kind === 'app') {
    return (
      <>
        <Smartphone aria-hidden="true" className="size-3.5" />
        {words.app}: {channelStyle(message.channel).title}
      </>
    );
  }
  return <>{kind === 'system' ? words.system : name || customer}</>;
}

/** Why a message did not go, what to do, and the way to do it. */
function Trouble({ message, actions }: { message: Message; actions: MessageActions }) {
  const { error, state } = message;
  if (state === 'cancelled' || (!error && !canResend(state))) return null;
  return (
    <div
      className={cx(
        'mt-1 max-w-full rounded-lg border px-3 py-2 text-sm',
        state === 'failed' ? 'border-danger-line bg-danger-soft' : 'border-warn-line bg-warn-soft',
      )}
    >
      <p>
        {error?.class === 'returned' ? `${words.returned} ` : null}
        {error ? sentence(error.text || words.states[state]) : words.stateHints[state]}
        {error?.code && error.class !== 'returned' ? (
          <span className="text-ink-2"> ({error.code})</span>
        ) : null}
      </p>
      {error?.next_step ? (
        <p className="mt-0.5 text-ink-2">
          {words.nextStep}: {error.next_step}
        </p>
      ) : null}
      <div className="mt-2 flex flex-wrap gap-2">
        {canResend(state) ? (
          <Button size="sm" onClick={() => actions.resend(message)}>
            {state === 'unconfirmed' ? words.resendConfirm : words.resend}
          </Button>
        ) : null}
        {message.plan_id ? (
          <Button size="sm" kind="quiet" onClick={() => actions.why(message)}>
            {words.why}
          </Button>
        ) : null}
        <Button size="sm" kind="quiet" onClick={() => actions.attempts(message)}>
          {words.attempts}
        </Button>
      </div>
    </div>
  );
}

/** Why a message waits, until when, and what one can do about it. */
function Held({ message, actions }: { message: Message; actions: MessageActions }) {
  const now = useNow();
  const { held, author } = message;
  if (message.state !== 'held' || !held) return null;
  return (
    <section
      aria-label={words.states.held}
      className="mt-1 max-w-[min(36rem,88%)] rounded-lg border border-warn-line bg-warn-soft px-3 py-2 text-sm"
    >
      <p className="text-pretty">
        <span className="font-medium">{words.waits}</span> {sentence(reasonText(held.reason))}
      </p>
      {held.until ? (
        <p className="mt-0.5 text-pretty text-ink-2">
          {(author.kind === 'person' ? words.deadlinePerson : words.deadline)(moment(held.until, now))}
        </p>
      ) : null}
      <div className="mt-2 flex flex-wrap gap-2">
        <Button size="sm" onClick={() => actions.why(message)}>
          {message.plan_id ? words.otherWay : words.why}
        </Button>
        {author.kind === 'person' ? (
          <Button size="sm" kind="quiet" onClick={() => actions.takeBack(message)}>
            {words.takeBack}
          </Button>
        ) : null}
        <Button size="sm" kind="quiet" onClick={() => actions.cancel(message)}>
          {words.cancel}
        </Button>
      </div>
    </section>
  );
}

function Reactions({ message }: { message: Message }) {
  if (message.reactions.length === 0) return null;
  return (
    <div className="-mt-1.5 flex gap-1 px-2">
      {message.reactions.map((reaction) => (
        <span
          key={`${reaction.by}${reaction.emoji}`}
          title={reaction.by}
          className="rounded-full border border-line bg-surface px-1.5 text-sm leading-5 shadow-sm"
        >
          {reaction.emoji}
        </span>
      ))}
    </div>
  );
}

function Body({ message }: { message: Message }) {
  if (message.deleted_at) {
    return (
      <p className="text-ink-2 italic">{message.direction === 'in' ? words.deleted : words.deletedOurs}</p>
    );
  }
  return (
    <>
      {message.attachments.length > 0 ? <Attachments files={message.attachments} /> : null}
      {message.subject ? <p className="font-semibold break-words">{message.subject}</p> : null}
      {message.text ? <LinkedText text={message.text} /> : null}
      {message.postback && message.direction === 'in' ? (
        <p className="flex items-center gap-1 text-xs text-ink-2">
          <SquareMousePointer aria-hidden="true" className="size-3.5" />
          {words.pressed}
        </p>
      ) : null}
      {message.buttons.length > 0 ? (
        <ul className="flex flex-wrap gap-1.5 pt-0.5">
          {message.buttons.map((button) => (
            <li
              key={button.title}
              className="rounded-full border border-accent/40 bg-surface px-2.5 py-0.5 text-sm text-accent-ink"
            >
              {button.title}
            </li>
          ))}
        </ul>
      ) : null}
    </>
  );
}

interface MessageRowProps {
  message: Message;
  first: boolean;
  last: boolean;
  customer: string;
  actions: MessageActions;
}

/** One message with its author, marks, state and actions. */
export const MessageRow = memo(function MessageRow({
  message,
  first,
  last,
  customer,
  actions,
}: MessageRowProps) {
  const ours = message.direction !== 'in';
  const out = message.direction === 'out';
  const showFoot =
    last ||
    message.late ||
    message.unverified ||
    Boolean(message.stuck) ||
    message.edited_at !== null ||
    (out && !isQuiet(message.state));
  return (
    <article
      aria-label={`${message.direction === 'in' ? customer : (message.author.name ?? words.bot)}, ${clock(message.at)}`}
      className={cx('group flex flex-col', ours ? 'items-end' : 'items-start', first ? 'pt-3' : 'pt-0.5')}
    >
      {first && ours ? (
        <p className="mb-1 flex items-center gap-1 px-1 text-xs font-medium text-ink-2">
          <AuthorLine message={message} customer={customer} />
        </p>
      ) : null}
      <div
        className={cx(
          'flex max-w-[min(36rem,88%)] min-w-0 items-center gap-1',
          ours ? 'flex-row-reverse' : 'flex-row',
        )}
      >
        <Bubble
          kind={message.direction}
          first={first}
          last={last}
          faded={message.state === 'cancelled' || message.state === 'queued' || message.state === 'sending'}
          alarm={message.state === 'failed'}
          quote={message.reply_to ? message.reply_to.text : undefined}
        >
          <Body message={message} />
        </Bubble>
        <MessageMenu message={message} actions={actions} />
      </div>
      <Reactions message={message} />
      {showFoot ? (
        <p
          className={cx(
            'mt-1 flex max-w-[min(36rem,88%)] flex-wrap items-center gap-x-2 px-1 text-xs text-ink-3',
            ours && 'justify-end',
          )}
        >
          <time dateTime={message.at} title={full(message.at)} className="tabular-nums">
            {clock(message.at)}
          </time>
          {message.edited_at && !message.deleted_at ? <span>{words.edited}</span> : null}
          {message.unverified ? <UnverifiedTag /> : null}
          {message.late ? (
            <span className="inline-flex items-center gap-1 text-warn" title={words.lateHint}>
              <Info aria-hidden="true" className="size-3.5" />
              {words.late}
            </span>
          ) : null}
          {out ? <MessageStateLine message={message} /> : null}
          {message.stuck ? <StuckTag stuck={message.stuck} /> : null}
        </p>
      ) : null}
      {out ? <Trouble message={message} actions={actions} /> : null}
      {out ? <Held message={message} actions={actions} /> : null}
    </article>
  );
});
