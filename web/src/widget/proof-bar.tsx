/** @jsxImportSource preact */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ChatClient } from './client';
import type { ChatState, CodeNote } from './model';
import { words } from './strings';

const say = (note: CodeNote) =>
  typeof note === 'string' ? words.prove[note] : words.prove.wrong(note.wrong);

/** Lets a visitor who came by a link prove that they are the customer, or says why not. */
export function ProofBar({ state, client }: { state: ChatState; client: ChatClient }) {
  const { proof, note } = state;
  const [busy, setBusy] = useState(false);
  const [text, setText] = useState('');
  const [asked, setAsked] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const typing = proof?.state === 'unverified' && proof.code_until !== null;
  useEffect(() => {
    if (asked && typing) field.current?.focus();
  }, [asked, typing]);
  if (!proof) return null;
  if (proof.state === 'verified') {
    return asked ? (
      <p class="proof" role="status">
        {words.prove.done}
      </p>
    ) : null;
  }
  const work = async (job: () => Promise<void>) => {
    setBusy(true);
    setAsked(true);
    await job();
    setBusy(false);
  };
  const ask = () => void work(() => client.askCode());
  return (
    <form
      class="proof"
      onSubmit={(event) => {
        event.preventDefault();
        if (!typing) return ask();
        setText('');
        void work(() => client.tryCode(text));
      }}
    >
      <p>
        {typing ? words.prove.typed(proof.way) : proof.way ? words.prove.ask(proof.way) : words.prove.none}
      </p>
      {typing ? (
        <div class="row">
          <input
            ref={field}
            value={text}
            aria-label={words.prove.label}
            inputMode="numeric"
            autocomplete="one-time-code"
            maxLength={9}
            required
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <button type="submit" class="choice full" disabled={busy || text.replace(/\s/g, '').length !== 6}>
            {words.prove.confirm}
          </button>
        </div>
      ) : proof.way ? (
        <button type="submit" class="choice full" disabled={busy}>
          {words.prove.send}
        </button>
      ) : null}
      <p class="note" role="status">
        {note ? say(note) : ''}
      </p>
      {typing && proof.way ? (
        <button type="button" class="plain" disabled={busy} onClick={ask}>
          {words.prove.again}
        </button>
      ) : null}
    </form>
  );
}
