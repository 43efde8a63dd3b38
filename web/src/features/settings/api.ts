import { type QueryClient, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { call, get, query } from '../../lib/api';
import { keys } from '../../lib/keys';
import type { Page, User } from '../../lib/types';

export interface Member extends User {
  disabled_at: string | null;
  second_factor: boolean;
  seen_at: string | null;
}

export interface ApiKey {
  id: string;
  name: string;
  role: string;
  created_at: string;
  created_by: string | null;
  seen_at: string | null;
}

export interface SignInLink {
  id: string;
  link: string | null;
  expires_at: string | null;
}

export interface AuditLine {
  id: string;
  at: string;
  action: string;
  object: string;
  detail: Record<string, unknown>;
  user_name: string | null;
}

export interface Setup {
  secret: string;
  uri: string;
  qr_svg: string;
}

const members = [...keys.users, 'all'] as const;
const apiKeys = ['api-keys'] as const;
const security = ['security'] as const;
const retention = ['retention'] as const;
const audit = ['audit'] as const;

export const useMembers = () =>
  useQuery({
    queryKey: members,
    queryFn: ({ signal }) => get<Member[]>('/users?all=true', signal),
  });

export const useApiKeys = () =>
  useQuery({ queryKey: apiKeys, queryFn: ({ signal }) => get<ApiKey[]>('/api-keys', signal) });

export const useSecurity = (enabled: boolean) =>
  useQuery({
    queryKey: security,
    enabled,
    queryFn: ({ signal }) => get<{ second_factor_required: boolean }>('/security', signal),
  });

/** How long closed conversations are kept, and how many an age (default: the one that is set) would remove now. */
export const useRetention = (days?: number) =>
  useQuery({
    queryKey: [...retention, days ?? null],
    queryFn: ({ signal }) =>
      get<{ days: number | null; old: number }>(`/retention${query({ days })}`, signal),
  });

export const useAudit = (enabled: boolean) =>
  useInfiniteQuery({
    queryKey: audit,
    enabled,
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) =>
      get<Page<AuditLine>>(`/audit${query({ cursor: pageParam, limit: 20 })}`, signal),
    getNextPageParam: (page) => page.next_cursor,
  });

const refresh = (client: QueryClient, key: readonly string[]) =>
  Promise.all([key, audit].map((queryKey) => client.invalidateQueries({ queryKey })));
export const refreshMembers = (client: QueryClient) => refresh(client, keys.users);
export const refreshApiKeys = (client: QueryClient) => refresh(client, apiKeys);
export const refreshSecurity = (client: QueryClient) => refresh(client, security);
export const refreshRetention = (client: QueryClient) => refresh(client, retention);
export const refreshSession = (client: QueryClient) => refresh(client, keys.session);

export const put = <T>(path: string, body: unknown) => call<T>('PUT', path, { body });

/** Roles that somebody of this role may give, highest first. */
export function grantable(role: string): string[] {
  const all = ['owner', 'admin', 'agent', 'viewer'];
  return role === 'owner' ? all : role === 'admin' ? all.slice(1) : [];
}
