import { CornerUpLeft, LoaderCircle, Paperclip, X } from 'lucide-react';
import { bytes } from '../../../lib/i18n';
import type { Draft } from '../composer-model';
import { composerWords as words } from '../composer-strings';

/** Files chosen for the message. */
export function ComposerFiles({ files, onRemove }: { files: Draft[]; onRemove: (key: string) => void }) {
  if (files.length === 0) return null;
  return (
    <ul className="flex flex-wrap gap-1.5 px-3 pt-2">
      {files.map((file) => (
        <li
          key={file.key}
          className={`flex max-w-64 items-center gap-1.5 rounded-lg border py-1 pr-1 pl-2 text-sm ${
            file.error ? 'border-danger-line bg-danger-soft' : 'border-line bg-bg'
          }`}
        >
          {file.mediaId === null && !file.error ? (
            <LoaderCircle aria-label={words.uploading} className="size-3.5 shrink-0 animate-spin" />
          ) : (
            <Paperclip aria-hidden="true" className="size-3.5 shrink-0 text-ink-3" />
          )}
          <span className="truncate">{file.name}</span>
          <span className="shrink-0 text-xs text-ink-2">{file.error ?? bytes(file.size)}</span>
          <button
            type="button"
            aria-label={words.remove(file.name)}
            onClick={() => onRemove(file.key)}
            className="grid size-6 shrink-0 place-items-center rounded text-ink-2 hover:bg-active"
          >
            <X aria-hidden="true" className="size-3.5" />
          </button>
        </li>
      ))}
    </ul>
  );
}

/** The message that the next one answers. */
export function ComposerQuote({ text, onStop }: { text: string; onStop: () => void }) {
  return (
    <div className="flex items-center gap-2 px-3 pt-2 text-sm text-ink-2">
      <CornerUpLeft aria-label={words.replyingTo} className="size-3.5 shrink-0" />
      <span className="min-w-0 flex-1 truncate border-l-2 border-accent pl-2">{text}</span>
      <button
        type="button"
        aria-label={words.stopReply}
        onClick={onStop}
        className="grid size-6 place-items-center rounded hover:bg-active"
      >
        <X aria-hidden="true" className="size-3.5" />
      </button>
    </div>
  );
}
