import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { MessagesSquare } from 'lucide-react';
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from 'react';
import { useConversation, usePrefetch } from '../features/conversation/api';
import { words } from '../features/conversation/strings';
import { ListPane } from '../features/inbox/list-pane';
import { ViewsPane } from '../features/inbox/views-pane';
import { useSession } from '../features/signin/api';
import { get } from '../lib/api';
import { step, useKeys } from '../lib/keyboard';
import { keys, type ListFilter } from '../lib/keys';
import type { Counts } from '../lib/types';
import { useMedia } from '../lib/use-media';
import { Dialog } from '../ui/dialog';
import { Empty } from '../ui/states';
import type { InboxSearch } from './router';

// The list shows first; the thread's code comes at the same time as its messages.
const loadPane = () => import('../features/conversation/components/conversation-pane');
const ConversationPane = lazy(async () => ({ default: (await loadPane()).ConversationPane }));

// Beside the conversation, or behind a press: the thread comes first.
const ContactPanel = lazy(async () => ({
  default: (await import('../features/contacts/contact-panel')).ContactPanel,
}));

const READ_AHEAD_MS = 150;
const KEYS = { j: 'next', k: 'previous', '/': 'search', Escape: 'leave' };

function Details({ conversationId, readOnly }: { conversationId: string; readOnly: boolean }) {
  const conversation = useConversation(conversationId);
  const contactId = conversation.data?.contact.id;
  if (!contactId) return null;
  return (
    <Suspense>
      <ContactPanel contactId={contactId} conversationId={conversationId} readOnly={readOnly} />
    </Suspense>
  );
}

/** The inbox: views, list, conversation, contact; on a phone one of them at a time. */
export function InboxPage() {
  const session = useSession();
  const navigate = useNavigate();
  const search = useSearch({ from: '/app/inbox' });
  const { conversationId: id = null } = useParams({ strict: false }) as { conversationId?: string };
  const filter: ListFilter = {
    view: search.view ?? 'open',
    channel: search.channel,
    label: search.label,
    q: search.q,
  };
  const counts = useQuery({
    queryKey: keys.counts,
    queryFn: ({ signal }) => get<Counts>('/conversations/counts', signal),
  });
  const prefetch = usePrefetch();
  const searchRef = useRef<HTMLInputElement>(null);
  const rows = useRef<string[]>([]);
  const position = useRef(0);
  const [details, setDetails] = useState(false);
  const wide = useMedia('(min-width: 88rem)');
  const readOnly = session.user.role === 'viewer';

  const onFilter = useCallback(
    (change: Partial<ListFilter>) => {
      const search = (before: InboxSearch): InboxSearch => {
        const { view, ...rest } = { ...before, ...change };
        return view === undefined || view === 'open' ? rest : { ...rest, view };
      };
      // What is open stays open while the list beside it is narrowed.
      if (id) void navigate({ to: '/inbox/$conversationId', params: { conversationId: id }, search });
      else void navigate({ to: '/inbox', search });
    },
    [navigate, id],
  );
  const onRows = useCallback((ids: string[]) => {
    rows.current = ids;
  }, []);
  const open = (next: string | null) => {
    if (next) {
      void navigate({
        to: '/inbox/$conversationId',
        params: { conversationId: next },
        search: (before) => before,
      });
    } else {
      void navigate({ to: '/inbox', search: (before) => before });
    }
  };
  const move = (by: 1 | -1) => {
    const ids = rows.current;
    const at = id ? ids.indexOf(id) : -1;
    // A conversation that has left the list leaves its place: the next one has moved up into it.
    const gone = id !== null && at < 0;
    const next = gone
      ? (ids[Math.min(ids.length - 1, position.current - (by < 0 ? 1 : 0))] ?? null)
      : step(ids, id, by);
    if (next) open(next);
  };
  useEffect(() => {
    const at = id ? rows.current.indexOf(id) : -1;
    if (at >= 0) position.current = at;
  });
  useEffect(() => {
    // The next one is read ahead, so that j shows it at once.
    const timer = setTimeout(() => {
      const next = id ? rows.current[rows.current.indexOf(id) + 1] : undefined;
      if (next) prefetch(next);
    }, READ_AHEAD_MS);
    return () => clearTimeout(timer);
  }, [id, prefetch]);
  useEffect(() => {
    // So that the first conversation opens at once.
    void loadPane();
  }, []);
  useEffect(() => {
    // The navigation at the foot gives its room to the conversation on a phone.
    document.documentElement.toggleAttribute('data-thread-open', id !== null);
    return () => document.documentElement.removeAttribute('data-thread-open');
  }, [id]);
  useKeys(KEYS, {
    next: () => move(1),
    previous: () => move(-1),
    search: () => searchRef.current?.focus(),
    leave: () => {
      const focus = document.activeElement;
      if (focus instanceof HTMLElement && focus !== document.body) focus.blur();
      else if (id) open(null);
    },
  });

  return (
    <>
      <ViewsPane current={filter.view} counts={counts.data} />
      <div className={id ? 'hidden min-h-0 md:flex' : 'flex min-h-0 w-full md:w-auto'}>
        <ListPane
          filter={filter}
          counts={counts.data}
          selectedId={id}
          onFilter={onFilter}
          onIntent={prefetch}
          onRows={onRows}
          searchRef={searchRef}
        />
      </div>
      {id ? (
        <Suspense fallback={<div className="flex-1" />}>
          <ConversationPane
            key={id}
            id={id}
            session={session}
            onBack={() => open(null)}
            onDetails={() => setDetails(true)}
          />
        </Suspense>
      ) : (
        <main className="hidden min-w-0 flex-1 md:block">
          <Empty Sign={MessagesSquare} title={words.pick} text={words.pickText} />
        </main>
      )}
      {id && wide ? (
        <aside
          aria-label={words.details}
          className="w-72 shrink-0 overflow-y-auto border-l border-line bg-surface"
        >
          <Details conversationId={id} readOnly={readOnly} />
        </aside>
      ) : null}
      {id && !wide ? (
        <Dialog open={details} onClose={() => setDetails(false)} title={words.details} shape="side">
          <div className="-m-5">
            <Details conversationId={id} readOnly={readOnly} />
          </div>
        </Dialog>
      ) : null}
    </>
  );
}
