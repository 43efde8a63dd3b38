import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import { post } from '../../../lib/api';
import { useKeys } from '../../../lib/keyboard';
import type { Session } from '../../../lib/session';
import type { Message } from '../../../lib/types';
import { refreshThread } from '../../../realtime/refresh';
import { Failed, SkeletonRows } from '../../../ui/states';
import { sayDone, sayFailed } from '../../../ui/toasts';
import { markRead, send, useConversation, useThread } from '../api';
import type { Mode } from '../composer-model';
import { words } from '../strings';
import { useActions } from '../use-actions';
import { putDraft } from '../use-draft';
import { Composer } from './composer';
import { ConversationHeader } from './conversation-header';
import type { MessageActions } from './message-menu';
import { Thread } from './thread';

// Sheets that few messages ever open: their code comes when one does.
const AttemptsSheet = lazy(async () => ({ default: (await import('./attempts-sheet')).AttemptsSheet }));
const WhySheet = lazy(async () => ({ default: (await import('./why-sheet')).WhySheet }));

/** Long enough to have been looked at: passing over a conversation does not mark it as read. */
const READ_AFTER_MS = 700;
const KEYS = { r: 'reply', n: 'note', a: 'assign', e: 'resolve', Enter: 'enter' };

interface ConversationPaneProps {
  id: string;
  session: Session;
  onBack: () => void;
  onDetails: () => void;
}

/** One conversation: who, the thread, and where to write. */
export function ConversationPane({ id, session, onBack, onDetails }: ConversationPaneProps) {
  const client = useQueryClient();
  const conversation = useConversation(id);
  const thread = useThread(id);
  const actions = useActions(conversation.data);
  const [mode, setMode] = useState<Mode>('reply');
  const [replyTo, setReplyTo] = useState<Message | null>(null);
  const [inspected, setInspected] = useState<Message | null>(null);
  const [asked, setAsked] = useState<Message | null>(null);
  const [draftVersion, setDraftVersion] = useState(0);
  const text = useRef<HTMLTextAreaElement>(null);
  const me = session.user;
  const readOnly = me.role === 'viewer';

  const write = (as: Mode) => {
    setMode(as);
    // After the text field of the other mode has been drawn.
    requestAnimationFrame(() => text.current?.focus());
  };
  useKeys(KEYS, {
    reply: () => write('reply'),
    note: () => write('note'),
    assign: () => readOnly || actions.assign({ word: 'me', kind: 'person', id: me.id, name: 'me' }),
    resolve: () => readOnly || actions.resolveOrReopen(),
    enter: () => {
      const focus = document.activeElement;
      // On a control, Enter belongs to it; on the row that is open it goes on to the reply.
      if (focus instanceof HTMLElement && focus !== document.body && focus.dataset.conversation !== id)
        return false;
      text.current?.focus();
      return true;
    },
  });

  const unread = conversation.data?.unread ?? 0;
  useEffect(() => {
    if (unread === 0 || readOnly) return;
    const mark = () => {
      if (document.visibilityState === 'visible') markRead(client, id).catch(() => undefined);
    };
    const timer = setTimeout(mark, READ_AFTER_MS);
    document.addEventListener('visibilitychange', mark);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', mark);
    };
  }, [client, id, unread, readOnly]);

  const canReply = conversation.data?.composer?.replies ?? false;
  const messageActions = useMemo<MessageActions>(() => {
    const act = (message: Message, verb: 'cancel' | 'retry', said: string) =>
      post(`/messages/${message.id}/${verb}`)
        .then(() => {
          sayDone(said);
          return refreshThread(client, id, [message.id]);
        })
        .catch((error: unknown) => sayFailed(words.couldNot, error));
    return {
      reply: canReply
        ? (message) => {
            setReplyTo(message);
            setMode('reply');
            requestAnimationFrame(() => text.current?.focus());
          }
        : null,
      attempts: setInspected,
      why: setAsked,
      takeBack: (message) =>
        void post(`/messages/${message.id}/cancel`)
          .then(() => {
            putDraft(id, 'reply', message.text);
            setMode('reply');
            setDraftVersion((version) => version + 1);
            sayDone(words.tookBack);
            requestAnimationFrame(() => text.current?.focus());
            return refreshThread(client, id, [message.id]);
          })
          .catch((error: unknown) => sayFailed(words.couldNot, error)),
      cancel: (message) => void act(message, 'cancel', words.cancelled),
      resend: (message) => void act(message, 'retry', words.resent),
    };
  }, [client, id, canReply]);

  if (conversation.isError) {
    return <Failed error={conversation.error} retry={() => void conversation.refetch()} className="flex-1" />;
  }
  if (conversation.isPending) {
    return (
      <div className="flex-1">
        <div className="h-14 border-b border-line bg-surface" />
        <SkeletonRows count={6} label={words.loading} />
      </div>
    );
  }
  return (
    <main aria-label={conversation.data.contact.name} className="flex min-h-0 min-w-0 flex-1 flex-col bg-bg">
      <ConversationHeader
        conversation={conversation.data}
        actions={actions}
        me={me}
        readOnly={readOnly}
        onBack={onBack}
        onDetails={onDetails}
      />
      {thread.isPending ? (
        <div className="min-h-0 flex-1 overflow-hidden">
          <SkeletonRows count={6} label={words.loading} />
        </div>
      ) : thread.isError ? (
        <Failed error={thread.error} retry={() => void thread.refetch()} className="min-h-0 flex-1" />
      ) : (
        <Thread
          key={id}
          conversationId={id}
          customer={conversation.data.contact.name}
          data={thread.data}
          gaps={conversation.data.gaps}
          actions={messageActions}
        />
      )}
      <Composer
        key={`composer-${id}-${draftVersion}`}
        conversation={conversation.data}
        role={me.role}
        mode={mode}
        onMode={write}
        replyTo={replyTo}
        onStopReply={() => setReplyTo(null)}
        onSend={(pending) => void send(client, id, pending)}
        textRef={text}
      />
      <Suspense>
        {inspected ? <AttemptsSheet message={inspected} onClose={() => setInspected(null)} /> : null}
        {asked ? (
          <WhySheet
            message={asked}
            conversation={conversation.data}
            onResend={messageActions.resend}
            onClose={() => setAsked(null)}
          />
        ) : null}
      </Suspense>
    </main>
  );
}
