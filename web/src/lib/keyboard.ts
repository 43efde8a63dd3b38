import { useEffect, useRef } from 'react';

/** What the keyboard rules need to know of an event. */
export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  /** The focus is in something that takes text. */
  typing: boolean;
  /** A dialog or a menu is open over the page. */
  overlay: boolean;
}

/** The action's name for a key press, or null. Letters never fire while somebody types; Escape does. */
export function actionFor(press: KeyPress, bindings: Readonly<Record<string, string>>): string | null {
  if (press.overlay || press.ctrlKey || press.metaKey || press.altKey) return null;
  if (press.typing && press.key !== 'Escape') return null;
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  if (press.shiftKey && press.key.length === 1 && press.key !== '?') return null;
  return bindings[key] ?? null;
}

/** Moves a choice by `step` in a list, stopping at its ends; from nothing it starts at the first. */
export function step(ids: readonly string[], current: string | null, by: 1 | -1): string | null {
  if (ids.length === 0) return null;
  const at = current ? ids.indexOf(current) : -1;
  if (at < 0) return ids[0] ?? null;
  return ids[Math.min(ids.length - 1, Math.max(0, at + by))] ?? null;
}

const TEXT_FIELDS = 'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]';
// What was done is said in dialogs too, but over no page: the keys go on working.
const OVERLAYS = ':is([role=dialog], [role=alertdialog]):not([data-toast]), [role=menu], [role=listbox]';

/** Reads a browser event into the words above. */
export function readPress(event: KeyboardEvent): KeyPress {
  const target = event.target instanceof Element ? event.target : null;
  return {
    key: event.key,
    ctrlKey: event.ctrlKey,
    metaKey: event.metaKey,
    altKey: event.altKey,
    shiftKey: event.shiftKey,
    typing: target?.closest(TEXT_FIELDS) != null,
    overlay: document.querySelector(OVERLAYS) !== null,
  };
}

/** Runs `actions[name]` for the keys of `bindings`, page-wide, while mounted. An action that returns false leaves the key alone. */
export function useKeys(
  bindings: Readonly<Record<string, string>>,
  actions: Record<string, () => unknown>,
): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const name = actionFor(readPress(event), bindings);
      const action = name ? latest.current[name] : undefined;
      if (action && action() !== false) event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [bindings]);
}
