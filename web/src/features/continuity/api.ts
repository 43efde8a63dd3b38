import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { call, get, post, query } from '../../lib/api';
import { keys } from '../../lib/keys';
import type { Incident, IncidentDetail, Plan, PlanState } from '../../lib/types';
import type { Policy } from './policy-model';

export interface Health {
  account: string;
  name: string;
  channel: string;
  simulated: boolean;
  gate: 'open' | 'hold' | 'carry' | 'ramp';
  incident: number | null;
  directions: Record<string, string>;
  incidents: number[];
  stopped: string | null;
  probes: Record<string, { at: string; ok: boolean; detail: string }>;
}

/** Plans in one answer of the hub. */
export const PLANS_PAGE = 200;
/** Incidents in one answer of the hub. */
const INCIDENTS_PAGE = 200;
/** Conversations approved with one call, so that the progress moves. */
const APPROVE_AT_ONCE = 25;

export const useHealth = () =>
  useQuery({
    queryKey: keys.health,
    queryFn: ({ signal }) => get<Health[]>('/continuity/health', signal),
    // Probes are not announced on the stream.
    refetchInterval: 10_000,
  });

export const useIncidents = () =>
  useInfiniteQuery({
    queryKey: [...keys.incidents, 'all'],
    queryFn: ({ pageParam, signal }) => get<Incident[]>(`/incidents${query({ before: pageParam })}`, signal),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => (last.length < INCIDENTS_PAGE ? null : (last.at(-1)?.number ?? null)),
  });

export const incidentQuery = (id: string) => ({
  queryKey: keys.incident(id),
  queryFn: ({ signal }: { signal: AbortSignal }) => get<IncidentDetail>(`/incidents/${id}`, signal),
});

export const useIncident = (id: string) => useQuery(incidentQuery(id));

/** Plans of an incident in one state, page by page. */
export const useIncidentPlans = (id: string, state: PlanState) =>
  useInfiniteQuery({
    queryKey: [...keys.incident(id), 'plans', state],
    queryFn: ({ pageParam, signal }) =>
      get<Plan[]>(`/incidents/${id}/plans${query({ state, after: pageParam })}`, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => (last.length < PLANS_PAGE ? null : (last.at(-1)?.id ?? null)),
  });

export interface Approved {
  carried: number;
  problems: string[];
}

/** Carries chosen conversations on, some at a time; `progress` hears how many are done. */
export async function approve(
  id: string,
  conversations: string[],
  progress: (done: number) => void,
): Promise<Approved> {
  const all: Approved = { carried: 0, problems: [] };
  for (let at = 0; at < conversations.length; at += APPROVE_AT_ONCE) {
    const part = conversations.slice(at, at + APPROVE_AT_ONCE);
    const { carried, problems } = await post<Approved>(`/incidents/${id}/approve`, { conversations: part });
    all.carried += carried;
    all.problems.push(...problems);
    progress(Math.min(conversations.length, at + APPROVE_AT_ONCE));
  }
  return all;
}

/** Every conversation that waits for a person's word. */
export async function suggestedOf(id: string): Promise<string[]> {
  const found: string[] = [];
  let after: string | null = null;
  for (;;) {
    const page: Plan[] = await get<Plan[]>(`/incidents/${id}/plans${query({ state: 'suggested', after })}`);
    found.push(...page.map((plan) => plan.conversation));
    after = page.at(-1)?.id ?? null;
    if (page.length < PLANS_PAGE) return found;
  }
}

export const dismiss = (id: string, reason: string) =>
  post<void>(`/incidents/${id}/dismiss`, reason.trim() ? { reason: reason.trim() } : {});

export interface Declaration {
  account?: string;
  channel?: string;
  company?: string;
  direction: string;
  simulated: boolean;
}

export const declare = (what: Declaration) => post<{ declared: boolean }>('/incidents', what);

export const usePolicy = () =>
  useQuery({
    queryKey: keys.policy,
    queryFn: ({ signal }) => get<Policy>('/continuity/policy', signal),
  });

export const savePolicy = (policy: Policy) => call<Policy>('PUT', '/continuity/policy', { body: policy });
