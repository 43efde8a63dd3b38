import { Paperclip, SendHorizontal } from 'lucide-react';
import { useRef } from 'react';
import { addressText } from '../../../lib/channel-style';
import { span } from '../../../lib/dates';
import type { ComposerLimits, Route } from '../../../lib/types';
import { useNow } from '../../../lib/use-now';
import { Button } from '../../../ui/button';
import { ChannelBadge } from '../../../ui/channel-badge';
import { IconButton } from '../../../ui/icon-button';
import type { Count, Mode } from '../composer-model';
import { composerWords as words } from '../composer-strings';

const WINDOW_SOON_MS = 4 * 3_600_000;

/** How long the text is, in what the channel counts, and in how many parts it goes. */
export function Counter({ counted, limits }: { counted: Count; limits: ComposerLimits }) {
  if (!counted.shown) return null;
  return (
    <span
      role="status"
      className={`text-xs tabular-nums ${counted.over ? 'font-medium text-danger' : 'text-ink-2'}`}
    >
      {counted.used} / {counted.max} {words.units[limits.text_unit]}
      {counted.over ? ` · ${words.tooLong(limits.parts_max)}` : null}
      {!counted.over && counted.parts > 1 ? ` · ${words.parts(counted.parts)}` : null}
    </span>
  );
}

/** By which way the reply goes, and how long that way stays open. */
export function RouteLine({ route }: { route: Route }) {
  const now = useNow();
  const left = route.window_closes_at ? Date.parse(route.window_closes_at) - now : null;
  return (
    <span className="flex min-w-0 items-center gap-2 text-xs text-ink-2">
      <ChannelBadge channel={route.channel} text={addressText(route.channel, route.address_label)} />
      {left !== null && left > 0 && left < WINDOW_SOON_MS ? (
        <span className="truncate text-warn">{words.closes(span(left))}</span>
      ) : null}
    </span>
  );
}

interface ComposerFootProps {
  mode: Mode;
  limits: ComposerLimits | null;
  counted: Count | null;
  ready: boolean;
  onFiles: (files: Iterable<File>) => void;
}

/** The row under the text: attach, counter, send. */
export function ComposerFoot({ mode, limits, counted, ready, onFiles }: ComposerFootProps) {
  const picker = useRef<HTMLInputElement>(null);
  const attach = mode === 'reply' && limits && limits.media.length > 0;
  return (
    <div className="flex items-center gap-2 px-2 pb-2">
      {attach ? (
        <>
          <IconButton label={words.attach} onClick={() => picker.current?.click()}>
            <Paperclip aria-hidden="true" className="size-4" />
          </IconButton>
          <input
            ref={picker}
            type="file"
            multiple
            hidden
            onChange={(event) => {
              onFiles(event.target.files ?? []);
              event.target.value = '';
            }}
          />
        </>
      ) : null}
      <span className="min-w-0 flex-1 px-1">
        {mode === 'reply' && counted && limits ? <Counter counted={counted} limits={limits} /> : null}
      </span>
      <Button type="submit" kind="primary" size="sm" disabled={!ready}>
        {mode === 'note' ? words.saveNote : words.send}
        <SendHorizontal aria-hidden="true" className="size-3.5" />
      </Button>
    </div>
  );
}
