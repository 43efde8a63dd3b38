import { CSPProvider } from '@base-ui/react/csp-provider';
import { Tooltip } from '@base-ui/react/tooltip';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { ApiError } from '../lib/api';
import { keys } from '../lib/keys';
import { Toasts } from '../ui/toasts';
import { makeRouter } from './router';

const client = new QueryClient({
  queryCache: new QueryCache({
    // A session that has ended shows as 401 on whatever is read next.
    onError: (error, query) => {
      if (!(error instanceof ApiError && error.status === 401) || query.queryKey[0] === 'session') return;
      leave();
    },
  }),
  defaultOptions: {
    queries: {
      // The live stream says when something changed; until then what was read stays true.
      staleTime: 60_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status < 500),
    },
    mutations: { retry: false },
  },
});
const router = makeRouter(client);

/** To the sign-in, and back here after it. */
function leave(): void {
  const { pathname, href } = router.state.location;
  if (pathname === '/signin') return;
  void router
    .navigate({ to: '/signin', search: { next: href } })
    .then(() => client.removeQueries({ queryKey: keys.session }));
}

/** Everything that the pages stand in. */
export function Providers() {
  return (
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={client}>
        <Tooltip.Provider delay={400}>
          <RouterProvider router={router} />
          <Toasts />
        </Tooltip.Provider>
      </QueryClientProvider>
    </CSPProvider>
  );
}
