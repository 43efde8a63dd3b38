import type { QueryClient } from '@tanstack/react-query';
import { del, post } from '../../lib/api';
import { keys } from '../../lib/keys';

/** What is taken down. One of platform, company and account says where. */
export interface Press {
  platform?: string;
  company?: string;
  account?: string;
  component: string;
  kind?: string;
  share?: number;
  start_in_s?: number;
  for_s?: number;
}

const again = (client: QueryClient) => client.invalidateQueries({ queryKey: keys.sandbox });

/** Takes something down. */
export const press = (client: QueryClient, what: Press) =>
  post<{ ids: number[] }>('/sandbox/faults', what).finally(() => again(client));

/** Brings back what some faults took down, or everything. */
export async function lift(client: QueryClient, ids: readonly number[] | null): Promise<void> {
  try {
    if (ids === null) await del('/sandbox/faults');
    else for (const id of ids) await del(`/sandbox/faults/${id}`);
  } finally {
    await again(client);
  }
}
