/** @jsxImportSource preact */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChatClient } from './client';
import { MessageList } from './message-list';
import { unreadCount } from './model';
import { ProofBar } from './proof-bar';
import { words } from './strings';

const TEXT_MAX = 4000;

/** Signs, drawn as one path each. */
const SIGNS = {
  chat: 'M21 11.5a8.4 8.4 0 0 1-8.5 8.5 8.9 8.9 0 0 1-3.9-.9L3 21l1.9-5.6a8.4 8.4 0 0 1-.9-3.9A8.4 8.4 0 0 1 12.5 3 8.4 8.4 0 0 1 21 11.5z',
  close: 'M6 6l12 12M18 6L6 18',
  send: 'M5 12h14M13 6l6 6-6 6',
};

function Sign({ name }: { name: keyof typeof SIGNS }) {
  return (
    <svg
      width="24"
      height="24"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={SIGNS[name]} />
    </svg>
  );
}

function Writer({ client, focus }: { client: ChatClient; focus: boolean }) {
  const [text, setText] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (focus) field.current?.focus();
  }, [focus]);
  const send = () => {
    const trimmed = text.trim();
    if (!trimmed) return;
    client.write(trimmed);
    setText('');
    field.current?.focus();
  };
  return (
    <form
      class="foot"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={field}
        rows={1}
        value={text}
        maxLength={TEXT_MAX}
        aria-label={words.placeholder}
        placeholder={words.placeholder}
        enterkeyhint="send"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      <button type="submit" class="send" aria-label={words.send} disabled={!text.trim()}>
        <Sign name="send" />
      </button>
    </form>
  );
}

/** The web chat: a button that opens it, or the whole page. */
export function Chat({ client, page }: { client: ChatClient; page: boolean }) {
  const [state, setState] = useState(client.state);
  const [open, setOpen] = useState(page);
  const launcher = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    setState(client.state);
    return client.subscribe(() => setState(client.state));
  }, [client]);
  useEffect(() => {
    if (open || client.known) void client.start();
  }, [open, client]);
  useEffect(() => {
    if (page && state.title) document.title = state.title;
  }, [page, state.title]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: every new message is looked at while the chat is open
  useEffect(() => {
    if (!open) return;
    const read = () => document.visibilityState === 'visible' && client.read();
    read();
    document.addEventListener('visibilitychange', read);
    return () => document.removeEventListener('visibilitychange', read);
  }, [open, state.messages, client]);

  const unread = open ? 0 : unreadCount(state);
  const close = () => {
    setOpen(false);
    launcher.current?.focus();
  };
  return (
    <div class={`root${page ? ' page' : ''}${open ? ' open' : ''}`}>
      {open ? (
        <section
          class="panel"
          role={page ? 'main' : 'dialog'}
          aria-label={state.title || words.chat}
          onKeyDown={(event) => {
            if (event.key === 'Escape' && !page) close();
          }}
        >
          <div class="head">
            <h1>{state.title || words.chat}</h1>
            {page ? null : (
              <button type="button" class="icon" aria-label={words.close} onClick={close}>
                <Sign name="close" />
              </button>
            )}
          </div>
          {state.live ? null : (
            <p class="offline" role="status">
              {words.offline}
            </p>
          )}
          <ProofBar state={state} client={client} />
          <MessageList state={state} client={client} />
          {state.phase === 'gone' ? null : <Writer client={client} focus={open} />}
        </section>
      ) : null}
      {page ? null : (
        <button
          ref={launcher}
          type="button"
          class="launcher"
          aria-expanded={open}
          aria-label={open ? words.close : unread ? `${words.open}, ${words.unread(unread)}` : words.open}
          onClick={() => setOpen(!open)}
        >
          <Sign name={open ? 'close' : 'chat'} />
          {unread ? (
            <span class="badge" aria-hidden="true">
              {unread > 9 ? '9+' : unread}
            </span>
          ) : null}
        </button>
      )}
      <span class="sr" role="status">
        {unread ? words.unread(unread) : ''}
      </span>
    </div>
  );
}
