import { useCallback, useEffect, useRef, useState } from 'react';
import { load, save } from '../../lib/storage';
import type { Mode } from './composer-model';

const SAVE_MS = 250;
const keyOf = (id: string, mode: Mode) => `draft.${id}.${mode}`;

/** Puts a text before what is already written: a message that came back to its author. */
export function putDraft(conversationId: string, mode: Mode, text: string): void {
  const kept = load(keyOf(conversationId, mode));
  save(keyOf(conversationId, mode), kept ? `${text}\n${kept}` : text);
}

/** The unsent text of a conversation, kept in this browser per mode until it is sent. */
export function useDraft(conversationId: string, mode: Mode): [string, (text: string) => void] {
  const [text, setText] = useState(() => load(keyOf(conversationId, mode)) ?? '');
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(text);

  useEffect(() => {
    const kept = load(keyOf(conversationId, mode)) ?? '';
    latest.current = kept;
    setText(kept);
    return () => {
      clearTimeout(timer.current);
      save(keyOf(conversationId, mode), latest.current);
    };
  }, [conversationId, mode]);

  const change = useCallback(
    (next: string) => {
      latest.current = next;
      setText(next);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => save(keyOf(conversationId, mode), next), next ? SAVE_MS : 0);
    },
    [conversationId, mode],
  );
  return [text, change];
}
