import { useInfiniteQuery } from '@tanstack/react-query';
import { get, query } from '../../lib/api';
import { keys, type ListFilter } from '../../lib/keys';
import type { ConversationRow, Page } from '../../lib/types';

const PAGE = 40;

/** Conversations of a view, newest first, page by page. */
export const useConversations = (filter: ListFilter) =>
  useInfiniteQuery({
    queryKey: keys.list(filter),
    queryFn: ({ pageParam, signal }) =>
      get<Page<ConversationRow>>(
        `/conversations${query({
          view: filter.view,
          channel: filter.channel,
          label: filter.label,
          q: filter.q,
          cursor: pageParam,
          limit: PAGE,
        })}`,
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    // Changing a filter keeps the old rows in sight until the new ones are there.
    placeholderData: (previous) => previous,
  });
