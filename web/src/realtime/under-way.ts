/** What is under way for each conversation, and how much was ever begun for it on this page. */
class UnderWay {
  private readonly open = new Map<string, Set<Promise<unknown>>>();
  private readonly counts = new Map<string, number>();

  /** Remembers a piece of work until it ends, well or not. */
  track<T>(conversationId: string, work: Promise<T>): Promise<T> {
    const all = this.open.get(conversationId) ?? new Set();
    this.open.set(conversationId, all);
    this.counts.set(conversationId, this.begun(conversationId) + 1);
    all.add(work);
    const forget = () => {
      all.delete(work);
      if (all.size === 0) this.open.delete(conversationId);
    };
    work.then(forget, forget);
    return work;
  }

  /** Resolves when what is under way now has ended, well or not. */
  async settled(conversationId: string): Promise<void> {
    await Promise.allSettled([...(this.open.get(conversationId) ?? [])]);
  }

  /** How much was begun so far: a read that sees another number after it than before it may be old. */
  begun(conversationId: string): number {
    return this.counts.get(conversationId) ?? 0;
  }
}

/** Messages on their way to the hub: reads of a thread wait for them, so that none shows twice. */
export const sends = new UnderWay();

/** Changes of a conversation that show before the hub has said yes: a read from before them must not undo them. */
export const changes = new UnderWay();
