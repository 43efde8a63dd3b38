import { useSyncExternalStore } from 'react';
import { load, save } from './storage';

/** What the tour has seen a person do that no data of the hub shows. */
export type Mark = 'lead' | 'down' | 'why' | 'counts' | 'hidden';

const listeners = new Set<() => void>();
let marks: readonly string[] = (load('tour') ?? '').split(' ').filter(Boolean);

function keep(next: readonly string[]): void {
  marks = next;
  save('tour', next.join(' '));
  for (const listener of listeners) listener();
}

/** Remembers in this browser that something was done. */
export function mark(name: Mark): void {
  if (!marks.includes(name)) keep([...marks, name]);
}

export const unmark = (name: Mark): void => keep(marks.filter((each) => each !== name));

/** Forgets all of it: the tour begins again. */
export const forgetMarks = (): void => keep([]);

export const useMarks = (): readonly string[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => marks,
  );
