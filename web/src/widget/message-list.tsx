/** @jsxImportSource preact */
import { useEffect, useRef } from 'preact/hooks';
import type { ChatClient } from './client';
import { type ChatMessage, type ChatState, choices } from './model';
import { words } from './strings';

const LINK = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/;
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

function Text({ text }: { text: string }) {
  return (
    <p class="bubble" dir="auto">
      {text.split(LINK).map((part) =>
        /^https?:\/\//.test(part) ? (
          <a key={part} href={part} target="_blank" rel="noreferrer noopener">
            {part}
          </a>
        ) : (
          part
        ),
      )}
    </p>
  );
}

function Message({ message, same, last }: { message: ChatMessage; same: boolean; last: boolean }) {
  const state = message.from === 'you' ? (words.states[message.state ?? ''] ?? words.sent) : null;
  return (
    <div class={`msg ${message.from}${same ? ' same' : ''}`}>
      <span class="sr">{message.from === 'us' ? words.us : words.you}: </span>
      <Text text={message.text} />
      {last ? (
        <p class="meta">
          {time.format(new Date(message.at))}
          {state ? ` · ${state}` : ''}
        </p>
      ) : null}
    </div>
  );
}

function Choices({ state, client }: { state: ChatState; client: ChatClient }) {
  const offered = choices(state);
  if (offered.length === 0) return null;
  return (
    <ul class="choices">
      {offered.map((choice) => (
        <li key={choice.title}>
          {choice.url ? (
            <a class="choice" href={choice.url} target="_blank" rel="noreferrer noopener">
              {choice.title}
            </a>
          ) : (
            <button type="button" class="choice" onClick={() => client.write(choice.title, choice.payload)}>
              {choice.title}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

/** The conversation; new answers are read out, and the view follows them. */
export function MessageList({ state, client }: { state: ChatState; client: ChatClient }) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const { messages, unsent } = state;
  // biome-ignore lint/correctness/useExhaustiveDependencies: follows every change of the messages
  useEffect(() => {
    const element = box.current;
    if (element && (atEnd.current || unsent.length > 0)) element.scrollTop = element.scrollHeight;
  }, [messages, unsent]);
  const onScroll = () => {
    const element = box.current;
    if (element) atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 80;
  };

  if (state.phase === 'gone') return <p class="quiet">{words.gone}</p>;
  if (state.phase !== 'ready' && messages.length === 0 && unsent.length === 0) {
    return (
      <p class="quiet" role="status">
        {words.loading}
      </p>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by keyboard
    <div class="log" ref={box} onScroll={onScroll} role="log" aria-label={words.chat} tabIndex={0}>
      <div class="inner">
        {messages.length === 0 ? (
          <div class="msg us">
            <Text text={state.greeting || words.hello} />
          </div>
        ) : null}
        {messages.map((message, index) => (
          <Message
            key={message.id}
            message={message}
            same={messages[index - 1]?.from === message.from}
            last={messages[index + 1]?.from !== message.from}
          />
        ))}
        {unsent.map((each) => (
          <div key={each.id} class="msg you wait">
            <Text text={each.text} />
            <p class="meta">{each.refused ? words.refused : words.notSent}</p>
          </div>
        ))}
        <Choices state={state} client={client} />
      </div>
    </div>
  );
}
