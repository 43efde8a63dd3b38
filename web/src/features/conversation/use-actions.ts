import { useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { moment } from '../../lib/dates';
import type { Conversation, ConversationStatus } from '../../lib/types';
import { sayDone, sayFailed } from '../../ui/toasts';
import { assign, isConflict, setLabels, setStatus } from './api';
import { ownerWord } from './model';
import { words } from './strings';

export interface ConversationActions {
  assign: (to: { word: string; kind: 'nobody' | 'bot' | 'person'; id: string | null; name: string }) => void;
  resolveOrReopen: () => void;
  snooze: (until: number) => void;
  label: (label: string, on: boolean) => void;
}

/** What a person does with a conversation: at once on the screen, with a way back. */
export function useActions(conversation: Conversation | undefined): ConversationActions {
  const client = useQueryClient();
  return useMemo(() => {
    const failed = (error: unknown) =>
      sayFailed(words.couldNot, isConflict(error) ? new Error(words.changed) : error);
    const id = conversation?.id ?? '';
    const toStatus = (status: ConversationStatus, until: string | null, said: string) => {
      if (!conversation) return;
      // The bot's turn follows from who owns the conversation: it can't be set.
      const was = conversation.status === 'pending' ? 'open' : conversation.status;
      const before = { status: was, until: conversation.snoozed_until } as const;
      setStatus(client, id, status, until)
        .then(() =>
          sayDone(said, () => void setStatus(client, id, before.status, before.until).catch(failed)),
        )
        .catch(failed);
    };
    return {
      assign: ({ word, kind, id: userId, name }) => {
        if (!conversation) return;
        const before = conversation.owner;
        const undo = () =>
          void assign(client, id, ownerWord(before), {
            kind: before.kind,
            user_id: before.user_id,
            name: before.name,
          }).catch(failed);
        assign(client, id, word, { kind, user_id: userId, name })
          .then(() => sayDone(words.assigned(name), undo))
          .catch(failed);
      },
      resolveOrReopen: () => {
        if (!conversation) return;
        const done = conversation.status === 'resolved' || conversation.status === 'snoozed';
        toStatus(done ? 'open' : 'resolved', null, done ? words.reopened : words.resolved);
      },
      snooze: (until) => {
        const at = new Date(until).toISOString();
        toStatus('snoozed', at, words.snoozed(moment(at, Date.now())));
      },
      label: (label, on) => void setLabels(client, id, on ? [label] : [], on ? [] : [label]).catch(failed),
    };
  }, [client, conversation]);
}
