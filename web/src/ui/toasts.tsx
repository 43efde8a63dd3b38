import { lazy, Suspense } from 'react';
import { explain } from '../lib/api';

// Nothing is said on the first paint: the code comes right after it.
const load = () => import('./toast-list');
const ToastList = lazy(async () => ({ default: (await load()).ToastList }));

/** Says that something was done, with a way back for some seconds. */
export function sayDone(title: string, undo?: () => void): void {
  void load().then(({ manager }) => {
    const takeBack = () => {
      manager.close(id);
      undo?.();
    };
    const id = manager.add({
      title,
      timeout: undo ? 8000 : 4000,
      ...(undo ? { actionProps: { children: 'Undo', onClick: takeBack } } : {}),
    });
  });
}

/** Says that something failed and what to do about it. */
export function sayFailed(what: string, error: unknown): void {
  const { title, nextStep } = explain(error);
  void load().then(({ manager }) =>
    manager.add({
      title: what,
      description: nextStep ? `${title} ${nextStep}` : title,
      type: 'error',
      timeout: 10_000,
      priority: 'high',
    }),
  );
}

/** The place at the foot of the page where these messages show. */
export function Toasts() {
  return (
    <Suspense>
      <ToastList />
    </Suspense>
  );
}
