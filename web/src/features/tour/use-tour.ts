import { useQuery } from '@tanstack/react-query';
import { useLocation } from '@tanstack/react-router';
import { useEffect } from 'react';
import { get, query } from '../../lib/api';
import { keys } from '../../lib/keys';
import { items, useAccounts, useSandbox } from '../../lib/queries';
import { mark, useMarks } from '../../lib/tour-marks';
import type { ConversationRow, Incident, IncidentDetail, Lead, Page, Plan } from '../../lib/types';
import { currentStep, doneSteps, type Step, settled } from './model';

/** The tour looks at the hub this often; only while it shows. */
const LOOK_MS = 4000;

const first = async <T>(path: string, signal: AbortSignal): Promise<T | null> =>
  items(await get<T[] | Page<T>>(path, signal))[0] ?? null;

export interface Tour {
  done: ReadonlySet<Step>;
  current: Step | null;
  /** The web chat's own page. */
  chat: string | null;
  /** A conversation that the outage touched. */
  touched: string | null;
  /** The simulated incident that was last. */
  incident: Incident | null;
  down: boolean;
}

/** Where the tour stands, by what really happened. */
export function useTour(): Tour {
  const marks = useMarks();
  const { pathname } = useLocation();
  const sandbox = useSandbox();
  const accounts = useAccounts();
  const chatted = useQuery({
    queryKey: ['tour', 'chat'],
    queryFn: ({ signal }) =>
      first<ConversationRow>(`/conversations${query({ view: 'all', channel: 'webchat', limit: 1 })}`, signal),
    refetchInterval: ({ state }) => (state.data ? false : LOOK_MS),
  });
  const lead = useQuery({
    queryKey: ['tour', 'lead'],
    queryFn: ({ signal }) => first<Lead>(`/leads${query({ limit: 1 })}`, signal),
    refetchInterval: ({ state }) => (state.data ? false : LOOK_MS),
  });
  const incidents = useQuery({
    queryKey: [...keys.incidents, 'tour'],
    queryFn: ({ signal }) => get<Incident[]>('/incidents', signal),
  });
  const incident = incidents.data?.find((each) => each.simulated) ?? null;
  const plans = useQuery<Plan | null>({
    queryKey: [...keys.incident(incident?.id ?? ''), 'touched'],
    enabled: incident !== null && !marks.includes('why'),
    refetchInterval: ({ state }) => (state.data ? false : LOOK_MS),
    queryFn: async ({ signal }): Promise<Plan | null> => {
      for (const state of ['done', 'held', 'suggested'] as const) {
        const [plan] = await get<Plan[]>(`/incidents/${incident?.id}/plans${query({ state })}`, signal);
        if (plan) return plan;
      }
      return null;
    },
  });
  const detail = useQuery({
    queryKey: keys.incident(incident?.id ?? ''),
    enabled: incident !== null,
    queryFn: ({ signal }) => get<IncidentDetail>(`/incidents/${incident?.id}`, signal),
  });

  const down = sandbox.data?.faults.some((fault) => fault.platform === 'instagram') ?? false;
  const seesLead = pathname === '/leads' && Boolean(lead.data);
  const seesCounts =
    detail.data !== undefined &&
    settled(detail.data) &&
    pathname === `/continuity/incidents/${detail.data.id}` &&
    marks.includes('down');
  useEffect(() => {
    if (seesLead) mark('lead');
    if (down) mark('down');
    if (seesCounts && !down) mark('counts');
  }, [seesLead, down, seesCounts]);

  const done = doneSteps({ chatted: Boolean(chatted.data), marks });
  const key = accounts.data
    ?.find((account) => account.channel === 'webchat')
    ?.webhook_path?.split('/')
    .pop();
  return {
    done,
    current: currentStep(done),
    chat: key ? `/chat/${key}` : null,
    touched: plans.data?.conversation ?? null,
    incident,
    down,
  };
}
