import { type QueryClient, useQuery } from '@tanstack/react-query';
import { call, del, get, post } from '../../lib/api';
import { items } from '../../lib/queries';
import type { Page } from '../../lib/types';
import type { Delivery, Rule, Webhook } from './model';

const rules = ['rules'] as const;
const webhooks = ['webhooks'] as const;

export const useRules = () =>
  useQuery({
    queryKey: rules,
    queryFn: async ({ signal }) => items(await get<Rule[] | Page<Rule>>('/rules', signal)),
  });

export const useWebhooks = () =>
  useQuery({
    queryKey: webhooks,
    queryFn: async ({ signal }) => items(await get<Webhook[] | Page<Webhook>>('/webhooks', signal)),
  });

export const useDeliveries = (id: string, open: boolean) =>
  useQuery({
    queryKey: ['deliveries', id],
    enabled: open,
    refetchInterval: open ? 3000 : false,
    queryFn: ({ signal }) => get<Page<Delivery>>(`/webhooks/${id}/deliveries?limit=10`, signal),
  });

export const refreshRules = (client: QueryClient) => client.invalidateQueries({ queryKey: rules });
export const refreshWebhooks = (client: QueryClient) => client.invalidateQueries({ queryKey: webhooks });

const body = ({ id: _, ...rest }: Rule) => rest;

/** Stores a rule in its place; a new one behind all others. */
export const saveRule = (rule: Partial<Rule> & Omit<Rule, 'id' | 'position'>) =>
  rule.id ? call<Rule>('PUT', `/rules/${rule.id}`, { body: body(rule as Rule) }) : post<Rule>('/rules', rule);

export const removeRule = (id: string) => del<void>(`/rules/${id}`);

/** Gives two neighbours each other's place. */
export async function swap(a: Rule, b: Rule): Promise<void> {
  // Equal places would not change hands.
  const [first, second] = a.position === b.position ? [b.position + 1, b.position] : [b.position, a.position];
  await saveRule({ ...a, position: first });
  await saveRule({ ...b, position: second });
}
