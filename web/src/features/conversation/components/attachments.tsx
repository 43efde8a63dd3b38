import { FileText, Film, ImageOff, LoaderCircle, MapPin, Mic, Share2, UserRound } from 'lucide-react';
import { bytes } from '../../../lib/i18n';
import type { Attachment } from '../../../lib/types';
import { words } from '../strings';

const SIGNS: Record<string, typeof FileText> = {
  video: Film,
  audio: Mic,
  voice: Mic,
  location: MapPin,
  contact: UserRound,
  share: Share2,
  story: Share2,
};

function FileRow({ file }: { file: Attachment }) {
  const waiting = file.status === 'pending';
  const lost = file.status === 'failed' || file.status === 'gone';
  const Sign = waiting ? LoaderCircle : lost ? ImageOff : (SIGNS[file.kind] ?? FileText);
  const state = file.status === 'ready' ? (file.size ? bytes(file.size) : null) : words.file[file.status];
  const body = (
    <>
      <span className="grid size-8 shrink-0 place-items-center rounded-lg bg-active text-ink-2">
        <Sign aria-hidden="true" className={waiting ? 'size-4 animate-spin' : 'size-4'} />
      </span>
      <span className="min-w-0">
        <span className="block truncate text-sm font-medium">
          {file.note || file.name || words.file.unnamed}
        </span>
        {state ? <span className="block text-xs text-ink-2">{state}</span> : null}
      </span>
    </>
  );
  const look =
    'flex max-w-72 items-center gap-2.5 rounded-lg border border-line bg-surface p-1.5 pr-3 text-ink';
  if (file.status === 'ready' && file.url) {
    return (
      <a
        href={file.url}
        target="_blank"
        rel="noreferrer"
        download={file.name ?? ''}
        className={`${look} hover:bg-hover`}
      >
        {body}
      </a>
    );
  }
  return <div className={look}>{body}</div>;
}

/** The files of a message: pictures as pictures, the others as rows. */
export function Attachments({ files }: { files: Attachment[] }) {
  return (
    <div className="flex flex-col gap-1.5">
      {files.map((file, index) => {
        const key = file.id ?? `${file.kind}-${index}`;
        if ((file.kind === 'image' || file.kind === 'sticker') && file.status === 'ready' && file.url) {
          return (
            <a
              key={key}
              href={file.url}
              target="_blank"
              rel="noreferrer"
              className="block w-fit overflow-hidden rounded-lg"
            >
              <img
                src={file.url}
                alt={file.note || file.name || words.image}
                loading="lazy"
                className="h-52 max-w-full bg-active object-cover"
              />
            </a>
          );
        }
        if (file.kind === 'voice' && file.status === 'ready' && file.url) {
          // biome-ignore lint/a11y/useMediaCaption: what customers send has no captions
          return <audio key={key} src={file.url} controls preload="none" className="h-10 w-64 max-w-full" />;
        }
        return <FileRow key={key} file={file} />;
      })}
    </div>
  );
}
