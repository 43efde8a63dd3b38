import { type QueryClient, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { del, get, keepTokens, post } from '../../lib/api';
import { keys } from '../../lib/keys';
import type { Session } from '../../lib/session';
import { load, save } from '../../lib/storage';
import { sayFailed } from '../../ui/toasts';

/** Applies the workspace this browser chose last, if the person still belongs to it. */
function withWorkspace(session: Session): Session {
  const chosen = load('workspace');
  const known = session.workspaces.some((workspace) => workspace.id === chosen);
  const result = known && chosen ? { ...session, workspace_id: chosen } : session;
  keepTokens(result);
  return result;
}

const fetchSession = async (): Promise<Session> => withWorkspace(await get<Session>('/session'));

/** The session, from the cache or the hub; fails with 401 where nobody is signed in. */
export const loadSession = (client: QueryClient): Promise<Session> =>
  client.ensureQueryData({
    queryKey: keys.session,
    queryFn: fetchSession,
    staleTime: Number.POSITIVE_INFINITY,
  });

/** The session of a page behind the sign-in. */
export function useSession(): Session {
  const { data } = useSuspenseQuery({
    queryKey: keys.session,
    queryFn: fetchSession,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return data;
}

type How = { email: string; password: string } | { token: string; code: string } | { token: string };

/**
 * Signs in with a password, with the token of a link, or with a code as the second step.
 * Answers the token of the second step where one is needed.
 */
export async function signIn(client: QueryClient, how: How): Promise<string | null> {
  const path = 'code' in how ? '/session/second-step' : 'token' in how ? '/session/link' : '/session';
  const answer = await post<Session | { step: 'second_factor'; token: string }>(path, how);
  if ('step' in answer) return answer.token;
  client.clear();
  client.setQueryData(keys.session, withWorkspace(answer));
  return null;
}

/** The identity provider of this server. */
export const useSso = () =>
  useQuery({
    queryKey: ['sso'],
    queryFn: ({ signal }) => get<{ name: string | null }>('/session/sso', signal),
  });

/** Ends the session and forgets all that was read. */
export function useSignOut(): () => void {
  const client = useQueryClient();
  const navigate = useNavigate();
  return () => {
    del('/session')
      .then(async () => {
        keepTokens(null);
        await navigate({ to: '/signin' });
        client.clear();
      })
      .catch((error: unknown) => sayFailed('You are still signed in', error));
  };
}

/** Goes to another workspace; nothing of the first stays in the page. */
export function useSwitchWorkspace(): (id: string) => void {
  return (id) => {
    save('workspace', id);
    location.assign('/inbox');
  };
}
