import { type InfiniteData, type QueryClient, useInfiniteQuery } from '@tanstack/react-query';
import { get, patch, query } from '../../lib/api';
import { keys, type LeadFilter } from '../../lib/keys';
import type { Lead, Page } from '../../lib/types';

type LeadPages = InfiniteData<Page<Lead>, string | null>;

export const useLeads = (filter: LeadFilter) =>
  useInfiniteQuery({
    queryKey: keys.leadList(filter),
    queryFn: async ({ pageParam, signal }) => {
      const answer = await get<Page<Lead> | Lead[]>(
        `/leads${query({ stage: filter.stage, q: filter.q, cursor: pageParam, limit: 100 })}`,
        signal,
      );
      return Array.isArray(answer) ? { items: answer, next_cursor: null } : answer;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: (previous) => previous,
  });

/** Moves a lead: shown at once in every list, read back after. */
export async function moveLead(client: QueryClient, lead: Lead, stageId: string): Promise<void> {
  client.setQueriesData<LeadPages>({ queryKey: keys.leads }, (data) =>
    data
      ? {
          ...data,
          pages: data.pages.map((page) => ({
            ...page,
            items: page.items.map((item) => (item.id === lead.id ? { ...item, stage_id: stageId } : item)),
          })),
        }
      : data,
  );
  try {
    await patch(`/leads/${lead.id}`, { stage_id: stageId });
  } finally {
    void client.invalidateQueries({ queryKey: keys.leads });
    void client.invalidateQueries({ queryKey: keys.contact(lead.contact.id) });
  }
}
