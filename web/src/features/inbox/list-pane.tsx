import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { Inbox, SearchX } from 'lucide-react';
import { type RefObject, useEffect, useMemo, useRef } from 'react';
import type { ListFilter } from '../../lib/keys';
import type { ConversationRow, Counts } from '../../lib/types';
import { buttonClass } from '../../ui/button';
import { Empty, Failed, SkeletonRows } from '../../ui/states';
import { useConversations } from './api';
import { ConversationItem, ITEM_HEIGHT } from './conversation-item';
import { ListHeader } from './list-header';
import { words } from './strings';

interface ListPaneProps {
  filter: ListFilter;
  counts: Counts | undefined;
  selectedId: string | null;
  onFilter: (filter: Partial<ListFilter>) => void;
  /** A conversation is likely to be opened next. */
  onIntent: (id: string) => void;
  /** Tells which conversations are listed, in order. */
  onRows: (ids: string[]) => void;
  searchRef: RefObject<HTMLInputElement | null>;
}

function Nothing({ filter }: { filter: ListFilter }) {
  if (filter.q)
    return <Empty Sign={SearchX} title={words.nothingFound} text={words.nothingFoundText(filter.q)} />;
  if (filter.channel || filter.label) {
    return <Empty Sign={SearchX} title={words.nothingFound} text={words.nothingFiltered} />;
  }
  const [title, text] = words.empty[filter.view];
  const action =
    filter.view === 'all' ? (
      <Link to="/channels" className={buttonClass('plain')}>
        {words.toChannels}
      </Link>
    ) : undefined;
  return <Empty Sign={Inbox} title={title} text={text} action={action} />;
}

function Rows({
  rows,
  selectedId,
  onIntent,
  more,
  hasMore,
}: {
  rows: ConversationRow[];
  selectedId: string | null;
  onIntent: (id: string) => void;
  more: () => void;
  hasMore: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length + (hasMore ? 1 : 0),
    getScrollElement: () => box.current,
    estimateSize: () => ITEM_HEIGHT,
    overscan: 6,
    getItemKey: (index) => rows[index]?.id ?? 'more',
    useFlushSync: false,
  });
  const shown = virtual.getVirtualItems();
  const lastShown = shown[shown.length - 1]?.index ?? 0;
  useEffect(() => {
    if (hasMore && lastShown >= rows.length - 5) more();
  }, [hasMore, lastShown, rows.length, more]);

  const at = selectedId ? rows.findIndex((row) => row.id === selectedId) : -1;
  const scrolledTo = useRef<string | null>(null);
  useEffect(() => {
    if (at < 0 || scrolledTo.current === selectedId) return;
    scrolledTo.current = selectedId;
    virtual.scrollToIndex(at, { align: 'auto' });
  }, [at, selectedId, virtual]);

  return (
    <div ref={box} className="min-h-0 flex-1 overflow-y-auto [contain:strict]">
      <ul aria-label={words.list} className="relative" style={{ height: virtual.getTotalSize() }}>
        {shown.map((item) => {
          const row = rows[item.index];
          return (
            <li
              key={item.key}
              aria-setsize={hasMore ? -1 : rows.length}
              aria-posinset={item.index + 1}
              className="absolute inset-x-0 top-0"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {row ? (
                <ConversationItem row={row} selected={row.id === selectedId} onIntent={onIntent} />
              ) : (
                <p className="p-4 text-center text-sm text-ink-3">{words.loadingMore}</p>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** The list of conversations with its search. */
export function ListPane({
  filter,
  counts,
  selectedId,
  onFilter,
  onIntent,
  onRows,
  searchRef,
}: ListPaneProps) {
  const list = useConversations(filter);
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  useEffect(() => onRows(rows.map((row) => row.id)), [rows, onRows]);

  return (
    <section
      aria-label={words.list}
      aria-busy={list.isPending}
      className="flex min-h-0 w-full shrink-0 flex-col border-line bg-surface md:w-80 md:border-r"
    >
      <ListHeader filter={filter} counts={counts} onChange={onFilter} searchRef={searchRef} />
      {list.isPending ? (
        <SkeletonRows count={8} label={words.loading} />
      ) : list.isError && rows.length === 0 ? (
        <Failed error={list.error} retry={() => void list.refetch()} />
      ) : rows.length === 0 ? (
        <Nothing filter={filter} />
      ) : (
        <Rows
          rows={rows}
          selectedId={selectedId}
          onIntent={onIntent}
          hasMore={list.hasNextPage}
          more={() => {
            if (!list.isFetchingNextPage) void list.fetchNextPage();
          }}
        />
      )}
    </section>
  );
}
