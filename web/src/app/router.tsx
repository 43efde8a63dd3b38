import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { loadSession } from '../features/signin/api';
import { ApiError } from '../lib/api';
import type { View } from '../lib/types';
import { InboxPage } from './inbox-page';
import { NotFound, PageFailed } from './page-failed';
import { Shell } from './shell';

export interface InboxSearch {
  view?: View;
  channel?: string;
  label?: string;
  q?: string;
}

const VIEWS: readonly View[] = ['open', 'mine', 'unassigned', 'pending', 'snoozed', 'resolved', 'all'];
const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

/** Leaves out what is not set, so that addresses stay short. */
function only<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

const root = createRootRouteWithContext<{ client: QueryClient }>()({
  component: Outlet,
  errorComponent: PageFailed,
  notFoundComponent: NotFound,
});

const signin = createRoute({
  getParentRoute: () => root,
  path: '/signin',
  validateSearch: (search: Record<string, unknown>) =>
    only({
      token: text(search.token),
      step: text(search.step),
      problem: text(search.problem),
      next: text(search.next),
    }),
  component: lazyRouteComponent(() => import('../features/signin/sign-in-page'), 'SignInPage'),
});

const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  beforeLoad: async ({ context, location }) => {
    try {
      const { security } = await loadSession(context.client);
      const locked = security.second_factor_required && !security.second_factor;
      if (locked && location.pathname !== '/settings') throw redirect({ to: '/settings', search: {} });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) throw error;
      throw redirect({ to: '/signin', search: location.pathname === '/' ? {} : { next: location.href } });
    }
  },
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => app,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/inbox' });
  },
});

const inbox = createRoute({
  getParentRoute: () => app,
  path: '/inbox',
  validateSearch: (search: Record<string, unknown>): InboxSearch =>
    only({
      view: VIEWS.find((view) => view === search.view),
      channel: text(search.channel),
      label: text(search.label),
      q: text(search.q),
    }),
  component: InboxPage,
});

const conversation = createRoute({
  getParentRoute: () => inbox,
  path: '$conversationId',
});

const leads = createRoute({
  getParentRoute: () => app,
  path: '/leads',
  validateSearch: (search: Record<string, unknown>) => only({ stage: text(search.stage), q: text(search.q) }),
  component: lazyRouteComponent(() => import('../features/leads/leads-page'), 'LeadsPage'),
});

const channels = createRoute({
  getParentRoute: () => app,
  path: '/channels',
  component: lazyRouteComponent(() => import('../features/channels/channels-page'), 'ChannelsPage'),
});

const automation = createRoute({
  getParentRoute: () => app,
  path: '/automation',
  component: lazyRouteComponent(() => import('../features/automation/automation-page'), 'AutomationPage'),
});

const problems = createRoute({
  getParentRoute: () => app,
  path: '/problems',
  component: lazyRouteComponent(() => import('../features/problems/problems-page'), 'ProblemsPage'),
});

const continuity = createRoute({
  getParentRoute: () => app,
  path: '/continuity',
  component: lazyRouteComponent(() => import('../features/continuity/continuity-frame'), 'ContinuityFrame'),
});

const health = createRoute({
  getParentRoute: () => continuity,
  path: '/',
  component: lazyRouteComponent(() => import('../features/continuity/health-page'), 'HealthPage'),
});

const incidents = createRoute({
  getParentRoute: () => continuity,
  path: '/incidents',
  component: lazyRouteComponent(() => import('../features/continuity/incidents-page'), 'IncidentsPage'),
});

const policy = createRoute({
  getParentRoute: () => continuity,
  path: '/policy',
  component: lazyRouteComponent(() => import('../features/continuity/policy-page'), 'PolicyPage'),
});

const sandbox = createRoute({
  getParentRoute: () => continuity,
  path: '/sandbox',
  component: lazyRouteComponent(() => import('../features/sandbox/sandbox-page'), 'SandboxPage'),
});

/** A page of its own: the frame's tabs would stand between the reader and the story. */
const incident = createRoute({
  getParentRoute: () => app,
  path: '/continuity/incidents/$incidentId',
  component: lazyRouteComponent(() => import('../features/continuity/incident-page'), 'IncidentPage'),
});

const SECTIONS = ['people', 'keys', 'security'] as const;

const settings = createRoute({
  getParentRoute: () => app,
  path: '/settings',
  validateSearch: (search: Record<string, unknown>) =>
    only({ section: SECTIONS.find((section) => section === search.section) }),
  component: lazyRouteComponent(() => import('../features/settings/settings-page'), 'SettingsPage'),
});

const tree = root.addChildren([
  signin,
  app.addChildren([
    home,
    inbox.addChildren([conversation]),
    leads,
    automation,
    channels,
    problems,
    settings,
    incident,
    continuity.addChildren([health, incidents, policy, sandbox]),
  ]),
]);

/** The pages of the console. */
export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { client },
    defaultPreload: 'intent',
    defaultPendingMs: 300,
    scrollRestoration: false,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
