import { useQueryClient } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { ConversationGap } from '../../../lib/types';
import type { Pending, ThreadData } from '../../../realtime/thread';
import { sayFailed } from '../../../ui/toasts';
import { discard, loadOlder, send } from '../api';
import { buildRows, type Row } from '../model';
import { words } from '../strings';
import type { MessageActions } from './message-menu';
import { ThreadRow } from './thread-row';

const NEAR_END_PX = 120;
const NEAR_TOP_PX = 600;

/** A first guess of a row's height; it is measured when it shows. */
function guess(row: Row | undefined): number {
  if (row?.type !== 'message') return row?.type === 'pending' ? 80 : 44;
  return 52 + Math.floor(row.message.text.length / 60) * 22 + row.message.attachments.length * 56;
}

interface ThreadProps {
  conversationId: string;
  customer: string;
  data: ThreadData;
  gaps: readonly ConversationGap[];
  actions: MessageActions;
}

/** The messages, newest at the foot. Older ones are read when the top comes near; the view stays where it is. */
export function Thread({ conversationId, customer, data, gaps, actions }: ThreadProps) {
  const client = useQueryClient();
  const box = useRef<HTMLElement>(null);
  const rows = useMemo(() => buildRows(data, gaps), [data, gaps]);
  const [away, setAway] = useState(false);
  const [seen, setSeen] = useState(0);
  const loading = useRef(false);

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: (index) => guess(rows[index]),
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 8,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: NEAR_END_PX,
    paddingEnd: 16,
    useFlushSync: false,
  });

  // The first look is at the end.
  const placed = useRef(false);
  useEffect(() => {
    if (placed.current || rows.length <= 1) return;
    placed.current = true;
    virtual.scrollToEnd();
  }, [rows.length, virtual]);

  // Less room (a keyboard, a long text below) must not hide the end from who was reading it.
  const atEnd = useRef(true);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      if (atEnd.current) virtual.scrollToEnd();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [virtual]);

  // What this person sends is always shown.
  const pendingCount = data.pending.length;
  const pendingBefore = useRef(pendingCount);
  useEffect(() => {
    if (pendingCount > pendingBefore.current) virtual.scrollToEnd();
    pendingBefore.current = pendingCount;
  }, [pendingCount, virtual]);

  const lastSeq = data.items[data.items.length - 1]?.seq ?? 0;
  useEffect(() => {
    if (!away) setSeen(lastSeq);
  }, [away, lastSeq]);

  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight <= NEAR_END_PX;
    setAway(!atEnd.current);
    if (element.scrollTop < NEAR_TOP_PX && data.hasMore && placed.current && !loading.current) {
      loading.current = true;
      loadOlder(client, conversationId)
        .catch((error: unknown) => sayFailed(words.couldNot, error))
        .finally(() => {
          loading.current = false;
        });
    }
  };

  const unseen = data.items.filter((message) => message.seq > seen && message.direction === 'in').length;
  const onRetry = (pending: Pending) => void send(client, conversationId, pending);
  const onDiscard = (clientId: string) => discard(client, conversationId, clientId);

  return (
    <div className="relative min-h-0 flex-1">
      <section
        ref={box}
        onScroll={onScroll}
        aria-label={words.thread}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by keyboard
        tabIndex={0}
        className="focus-inset h-full overflow-x-hidden overflow-y-auto overscroll-contain [overflow-anchor:none]"
      >
        <div
          className="relative mx-auto max-w-4xl"
          style={{ height: virtual.getTotalSize(), minHeight: '100%' }}
        >
          <div className="absolute inset-x-0 bottom-0" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index];
              return row ? (
                <div
                  key={item.key}
                  data-index={item.index}
                  ref={virtual.measureElement}
                  className="absolute inset-x-0 top-0"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <ThreadRow
                    row={row}
                    customer={customer}
                    actions={actions}
                    onRetry={onRetry}
                    onDiscard={onDiscard}
                  />
                </div>
              ) : null;
            })}
          </div>
        </div>
      </section>
      {away ? (
        <button
          type="button"
          onClick={() => virtual.scrollToEnd()}
          className="absolute bottom-3 left-1/2 inline-flex h-8 -translate-x-1/2 items-center gap-1.5 rounded-full border border-line bg-raised px-3 text-sm font-medium shadow-pop hover:bg-hover"
        >
          <ArrowDown aria-hidden="true" className="size-4" />
          {unseen > 0 ? words.newBelow(unseen) : words.jump}
        </button>
      ) : null}
    </div>
  );
}
