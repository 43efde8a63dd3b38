import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Failed } from '../../ui/states';
import { sayDone } from '../../ui/toasts';
import { useSession } from '../signin/api';
import { put, refreshRetention, useRetention } from './api';
import { Field, SendForm } from './form';
import { words } from './strings';

const MIN = 7;
const MAX = 36_500;

/** The age that was typed; null where none or none that can be set. */
function typed(text: string): number | null {
  const days = Number(text);
  return Number.isInteger(days) && days >= MIN && days <= MAX ? days : null;
}

/** What an age would remove now, said before it is set. */
function Foretold({ days }: { days: number }) {
  const told = useRetention(days);
  if (told.isError) return <Failed error={told.error} retry={() => void told.refetch()} />;
  return (
    <p role="status" className="text-pretty text-ink-2">
      {told.data ? words.oldNow(told.data.old) : words.counting}
    </p>
  );
}

function Choose({ present, onClose }: { present: number | null; onClose: () => void }) {
  const client = useQueryClient();
  const [text, setText] = useState(present === null ? '' : String(present));
  const days = typed(text);
  const send = async () => {
    await put('/retention', { days });
    sayDone(days === null ? words.keptForever : words.goAfter(days));
    onClose();
    void refreshRetention(client);
  };
  return (
    <Dialog open title={words.retention} onClose={onClose}>
      <SendForm
        send={send}
        label={text === '' ? words.keepAll : days === null ? words.setAge : words.removeAfter(days)}
        danger={days !== null}
        onCancel={onClose}
      >
        <p className="text-pretty text-ink-2">{words.retentionWhat}</p>
        <Field
          label={words.days}
          hint={words.daysHint}
          type="number"
          inputMode="numeric"
          min={MIN}
          max={MAX}
          step={1}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {days === null ? null : <Foretold days={days} />}
      </SendForm>
    </Dialog>
  );
}

/** How long closed conversations are kept. */
export function Retention() {
  const owner = useSession().user.role === 'owner';
  const kept = useRetention();
  const [open, setOpen] = useState(false);
  if (kept.isError) return <Failed error={kept.error} retry={() => void kept.refetch()} />;
  const days = kept.data?.days ?? null;
  return (
    <div className="flex flex-wrap items-center gap-3 border-t border-line py-4">
      <div className="min-w-0 flex-1 basis-64">
        <h3 className="font-medium">{words.retention}</h3>
        <p className="text-pretty text-ink-2">
          {kept.isPending ? words.loading : days === null ? words.keptForever : words.goAfter(days)}{' '}
          {owner ? '' : words.ownersOnly}
        </p>
      </div>
      {owner ? (
        <Button disabled={kept.isPending} onClick={() => setOpen(true)}>
          {words.changeRetention}
        </Button>
      ) : null}
      {open ? <Choose present={days} onClose={() => setOpen(false)} /> : null}
    </div>
  );
}
