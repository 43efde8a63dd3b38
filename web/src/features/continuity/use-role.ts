import { useQueryClient } from '@tanstack/react-query';
import { keys } from '../../lib/keys';
import type { Session } from '../../lib/session';

/** The role of the person who is signed in. */
export function useRole(): string {
  return useQueryClient().getQueryData<Session>(keys.session)?.user.role ?? 'viewer';
}

/** May the person change what holds for the whole workspace? */
export function useMayChange(): boolean {
  const role = useRole();
  return role === 'owner' || role === 'admin';
}
