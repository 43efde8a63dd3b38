/** Small values kept in this browser. Storage may be full or refused: then nothing is kept and nothing breaks. */
export function load(key: string): string | null {
  try {
    return localStorage.getItem(`everthread.${key}`);
  } catch {
    return null;
  }
}

/** Keeps a value, or forgets it when it is empty. */
export function save(key: string, value: string | null): void {
  try {
    if (value) localStorage.setItem(`everthread.${key}`, value);
    else localStorage.removeItem(`everthread.${key}`);
  } catch {
    // Kept in memory only.
  }
}
