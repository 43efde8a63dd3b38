/** Sends under way per conversation: live changes wait for them, so that a message never shows twice. */
const sending = new Map<string, Set<Promise<unknown>>>();

/** Runs a send and remembers it until it ends. */
export function trackSend<T>(conversationId: string, work: Promise<T>): Promise<T> {
  const all = sending.get(conversationId) ?? new Set();
  sending.set(conversationId, all);
  all.add(work);
  const forget = () => {
    all.delete(work);
    if (all.size === 0) sending.delete(conversationId);
  };
  work.then(forget, forget);
  return work;
}

/** Resolves when the sends that are under way now have ended, well or not. */
export async function sendsSettled(conversationId: string): Promise<void> {
  await Promise.allSettled([...(sending.get(conversationId) ?? [])]);
}
