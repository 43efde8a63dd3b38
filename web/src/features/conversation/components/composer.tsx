import { Lock } from 'lucide-react';
import {
  type ClipboardEvent,
  type FormEvent,
  type KeyboardEvent,
  lazy,
  type RefObject,
  Suspense,
  useState,
} from 'react';
import { cx } from '../../../lib/cx';
import type { Conversation, Message } from '../../../lib/types';
import { useNow } from '../../../lib/use-now';
import type { Pending } from '../../../realtime/thread';
import { Button } from '../../../ui/button';
import { canSend, closedReason, count, type Mode } from '../composer-model';
import { composerWords as words } from '../composer-strings';
import { useDraft } from '../use-draft';
import { useFiles } from '../use-files';
import { ComposerFiles, ComposerQuote } from './composer-files';
import { ComposerFoot, RouteLine } from './composer-foot';

const TemplateDialog = lazy(async () => ({ default: (await import('./template-dialog')).TemplateDialog }));

interface ComposerProps {
  conversation: Conversation;
  role: string;
  mode: Mode;
  onMode: (mode: Mode) => void;
  replyTo: Message | null;
  onStopReply: () => void;
  onSend: (pending: Pending) => void;
  textRef: RefObject<HTMLTextAreaElement | null>;
}

const MODES: readonly Mode[] = ['reply', 'note'];

function ModeSwitch({ mode, onMode }: { mode: Mode; onMode: (mode: Mode) => void }) {
  return (
    <fieldset aria-label={words.mode} className="flex gap-0.5 rounded-lg bg-active p-0.5">
      {MODES.map((each) => (
        <button
          key={each}
          type="button"
          aria-pressed={each === mode}
          onClick={() => onMode(each)}
          className={cx(
            'h-6 rounded-md px-2.5 text-xs font-medium pointer-coarse:h-8',
            each === mode ? 'bg-raised text-ink shadow-sm' : 'text-ink-2 hover:text-ink',
          )}
        >
          {words[each]}
        </button>
      ))}
    </fieldset>
  );
}

interface ClosedProps {
  reason: string;
  noteHint: boolean;
  templates: boolean;
  onTemplate: () => void;
}

function Closed({ reason, noteHint, templates, onTemplate }: ClosedProps) {
  return (
    <div className="flex flex-wrap items-center gap-3 px-4 py-3 text-sm">
      <Lock aria-hidden="true" className="size-4 shrink-0 text-warn" />
      <p className="min-w-0 flex-1 basis-56 text-pretty">
        {reason} <span className="text-ink-2">{noteHint ? words.noteHint : null}</span>
      </p>
      {templates ? (
        <Button size="sm" onClick={onTemplate}>
          {words.template}
        </Button>
      ) : null}
    </div>
  );
}

/** Where people write: a reply by the channel of the route, or a note for the team. */
export function Composer(props: ComposerProps) {
  const { conversation, role, mode, onMode, replyTo, onStopReply, onSend, textRef } = props;
  const now = useNow();
  const [text, setText] = useDraft(conversation.id, mode);
  const limits = conversation.composer;
  const { files, add, remove, clear } = useFiles(limits);
  const [template, setTemplate] = useState(false);
  const readOnly = role === 'viewer';
  const closed =
    mode === 'note' ? (readOnly ? words.readOnly : null) : closedReason(conversation, role, now, words);
  const counted = mode === 'reply' && limits ? count(text, limits) : null;
  const sentFiles = mode === 'reply' ? files : [];
  const ready = canSend(text, sentFiles, counted, closed);

  const pending = (change: Partial<Pending>): Pending => ({
    clientId: crypto.randomUUID(),
    kind: mode,
    text: '',
    attachments: [],
    replyTo: null,
    template: null,
    at: new Date().toISOString(),
    error: null,
    ...change,
  });
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (!ready) return;
    onSend(
      pending({
        text: text.trim(),
        attachments: sentFiles.map((file) => ({
          media_id: file.mediaId ?? '',
          name: file.name,
          kind: file.kind,
        })),
        replyTo: mode === 'reply' && replyTo ? { id: replyTo.id, text: replyTo.text } : null,
      }),
    );
    setText('');
    clear();
    onStopReply();
    textRef.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      if (replyTo) onStopReply();
      else event.currentTarget.blur();
    }
  };
  const onPaste = (event: ClipboardEvent) => {
    if (mode !== 'reply' || event.clipboardData.files.length === 0) return;
    event.preventDefault();
    add(event.clipboardData.files);
  };

  return (
    <div className="px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] md:px-6 md:pb-4">
      <form
        onSubmit={submit}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          if (mode === 'reply' && closed === null) add(event.dataTransfer.files);
        }}
        className={cx(
          'mx-auto max-w-4xl rounded-2xl border shadow-sm transition-colors focus-within:border-accent',
          mode === 'note' ? 'border-dashed border-note-line bg-note' : 'border-line-strong bg-surface',
        )}
      >
        <div className="flex items-center justify-between gap-3 px-2.5 pt-2">
          <ModeSwitch mode={mode} onMode={onMode} />
          {mode === 'reply' && conversation.route ? <RouteLine route={conversation.route} /> : null}
        </div>
        {closed !== null ? (
          <Closed
            reason={closed}
            noteHint={!readOnly}
            templates={Boolean(limits?.templates) && !readOnly}
            onTemplate={() => setTemplate(true)}
          />
        ) : (
          <>
            {mode === 'reply' && conversation.route?.reason ? (
              <p role="status" className="px-4 pt-2 text-sm text-pretty text-warn">
                {conversation.route.reason}
              </p>
            ) : null}
            {mode === 'reply' && replyTo ? <ComposerQuote text={replyTo.text} onStop={onStopReply} /> : null}
            {mode === 'reply' ? <ComposerFiles files={files} onRemove={remove} /> : null}
            <textarea
              ref={textRef}
              value={text}
              onChange={(event) => setText(event.target.value)}
              onKeyDown={onKeyDown}
              onPaste={onPaste}
              rows={1}
              dir="auto"
              aria-label={mode === 'note' ? words.noteLabel : words.replyLabel}
              placeholder={mode === 'note' ? words.noteTo : words.replyTo(conversation.contact.name)}
              className="block max-h-[40dvh] min-h-14 w-full resize-none bg-transparent px-4 py-2.5 outline-none [field-sizing:content] placeholder:text-ink-3 max-md:min-h-11"
            />
            <ComposerFoot mode={mode} limits={limits} counted={counted} ready={ready} onFiles={add} />
          </>
        )}
      </form>
      {template ? (
        <Suspense>
          <TemplateDialog
            onClose={() => setTemplate(false)}
            onSend={(chosen) => onSend(pending({ kind: 'reply', template: chosen, text: '' }))}
          />
        </Suspense>
      ) : null}
    </div>
  );
}
