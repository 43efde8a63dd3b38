import { useQuery } from '@tanstack/react-query';
import { get } from './api';
import { keys } from './keys';
import type { Account, ChannelSpec, Incident, Page, Pipeline, Sandbox, SystemInfo, User } from './types';

/** Lists come bare or as a page; the console only wants the items. */
export function items<T>(answer: T[] | Page<T>): T[] {
  return Array.isArray(answer) ? answer : answer.items;
}

const list =
  <T>(path: string) =>
  async ({ signal }: { signal: AbortSignal }): Promise<T[]> =>
    items(await get<T[] | Page<T>>(path, signal));

/** People of the workspace. */
export const useUsers = () => useQuery({ queryKey: keys.users, queryFn: list<User>('/users') });

/** Labels in use; each as its word. */
export const useLabels = () =>
  useQuery({
    queryKey: keys.labels,
    queryFn: list<string | { name: string }>('/labels'),
    select: (labels) => labels.map((label) => (typeof label === 'string' ? label : label.name)),
  });

export const useAccounts = () => useQuery({ queryKey: keys.accounts, queryFn: list<Account>('/accounts') });

/** Pipelines with their stages in order. */
export const usePipelines = () =>
  useQuery({
    queryKey: keys.pipelines,
    queryFn: list<Pipeline>('/pipelines'),
    select: (pipelines) =>
      pipelines.map((pipeline) => ({
        ...pipeline,
        stages: [...pipeline.stages].sort((a, b) => a.position - b.position),
      })),
  });

/** What is down now, newest first. */
export const useOpenIncidents = () =>
  useQuery({
    queryKey: keys.openIncidents,
    queryFn: ({ signal }) => get<Incident[]>('/incidents?open=true', signal),
  });

export const useSystem = () =>
  useQuery({
    queryKey: keys.system,
    queryFn: ({ signal }) => get<SystemInfo>('/system', signal),
  });

/** The simulated platforms; read only where some run. `live` reads again every few seconds: their counts have no stream. */
export function useSandbox(live = false) {
  const { data } = useSystem();
  return useQuery({
    queryKey: keys.sandbox,
    queryFn: ({ signal }) => get<Sandbox>('/sandbox', signal),
    enabled: data?.sandbox ?? false,
    refetchInterval: live ? 3000 : false,
  });
}

/** Every channel that there is, by the hub's own description. */
export const useChannels = (enabled = true) =>
  useQuery({ queryKey: keys.channels, queryFn: list<ChannelSpec>('/channels'), enabled });
