import { type QueryClient, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { del, get, keepTokens, post } from '../../lib/api';
import { keys } from '../../lib/keys';
import { load, save } from '../../lib/storage';
import type { Session } from '../../lib/types';
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

/** Signs in with a password, or with the token of a link. */
export async function signIn(
  client: QueryClient,
  how: { email: string; password: string } | { token: string },
): Promise<void> {
  const session = await post<Session>('token' in how ? '/session/link' : '/session', how);
  client.clear();
  client.setQueryData(keys.session, withWorkspace(session));
}

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
