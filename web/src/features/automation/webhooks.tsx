import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { del, post } from '../../lib/api';
import { full } from '../../lib/dates';
import { Button } from '../../ui/button';
import { CopyText } from '../../ui/copy-text';
import { Dialog } from '../../ui/dialog';
import { FormError, TextField } from '../../ui/form';
import { Failed, SkeletonRows } from '../../ui/states';
import { sayDone, sayFailed } from '../../ui/toasts';
import { refreshWebhooks, useDeliveries, useWebhooks } from './api';
import type { Webhook } from './model';
import { words } from './strings';

function Deliveries({ id }: { id: string }) {
  const [open, setOpen] = useState(false);
  const calls = useDeliveries(id, open);
  const rows = calls.data?.items ?? [];
  return (
    <details className="mt-2" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary className="w-fit cursor-pointer rounded text-sm font-medium text-accent-ink">
        {words.log}
      </summary>
      {calls.data && rows.length === 0 ? <p className="mt-1 text-sm text-ink-2">{words.noCalls}</p> : null}
      <ul className="mt-1 space-y-1 text-sm">
        {rows.map((row) => (
          <li key={row.id} className="flex flex-wrap gap-x-3 text-ink-2">
            <time dateTime={row.created_at} className="tabular-nums">
              {full(row.created_at)}
            </time>
            <span
              className={
                row.state === 'failed' ? 'text-danger' : row.state === 'done' ? 'text-ok' : 'text-warn'
              }
            >
              {row.state}
            </span>
            <span>
              {row.last_status ?? ''} {row.last_error ?? ''}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Item({ hook, mayChange }: { hook: Webhook; mayChange: boolean }) {
  const client = useQueryClient();
  const [removing, setRemoving] = useState(false);
  const test = () =>
    void post(`/webhooks/${hook.id}/test`)
      .then(() => sayDone(words.tested))
      .catch((error: unknown) => sayFailed(words.notTested, error));
  const again = () =>
    void post<{ queued: number }>(`/webhooks/${hook.id}/redeliver`)
      .then(({ queued }) => sayDone(words.queuedAgain(queued)))
      .catch((error: unknown) => sayFailed(words.notAgain, error))
      .finally(() => void refreshWebhooks(client));
  const remove = () =>
    void del(`/webhooks/${hook.id}`)
      .catch((error: unknown) => sayFailed(words.notRemovedHook, error))
      .finally(() => {
        setRemoving(false);
        void refreshWebhooks(client);
      });
  return (
    <li className="border-b border-line py-4 last:border-0">
      <div className="flex flex-wrap items-start gap-3">
        <div className="min-w-0 flex-1 basis-64">
          <h3 className="font-medium">{hook.name}</h3>
          <p className="text-sm [overflow-wrap:anywhere] text-ink-2">{hook.url}</p>
          <p className="mt-0.5 flex gap-3 text-sm text-ink-3">
            <span>{hook.last_done_at ? full(hook.last_done_at) : words.never}</span>
            {hook.queued > 0 ? <span className="text-warn">{words.waiting(hook.queued)}</span> : null}
            {hook.failed > 0 ? <span className="text-danger">{words.failed(hook.failed)}</span> : null}
          </p>
        </div>
        {mayChange ? (
          <div className="flex flex-wrap gap-2">
            {hook.failed > 0 ? (
              <Button size="sm" onClick={again}>
                {words.again}
              </Button>
            ) : null}
            <Button size="sm" onClick={test}>
              {words.test}
            </Button>
            <Button size="sm" kind="quiet" onClick={() => setRemoving(true)}>
              {words.removeHook}
            </Button>
          </div>
        ) : null}
      </div>
      <Deliveries id={hook.id} />
      <Dialog open={removing} title={words.removeHook} onClose={() => setRemoving(false)}>
        <p className="mb-4 text-pretty">{words.removeHookText(hook.name)}</p>
        <div className="flex gap-2">
          <Button kind="danger" onClick={remove}>
            {words.removeHook}
          </Button>
          <Button onClick={() => setRemoving(false)}>{words.cancel}</Button>
        </div>
      </Dialog>
    </li>
  );
}

function AddForm({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const [secret, setSecret] = useState<string | null>(null);
  const [name, setName] = useState('');
  const [url, setUrl] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const add = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    post<{ secret: string }>('/webhooks', { name, url })
      .then((made) => {
        setSecret(made.secret);
        void refreshWebhooks(client);
      })
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return (
    <Dialog open title={words.addHook} step={secret ? 'secret' : 'form'} onClose={onClose}>
      {secret ? (
        <div className="space-y-4">
          <p className="text-pretty">{words.secretOnce}</p>
          <CopyText value={secret} label={words.copySecret} />
          <Button kind="primary" onClick={onClose}>
            {words.done}
          </Button>
        </div>
      ) : (
        <form onSubmit={add} className="space-y-4">
          <TextField required label={words.name} value={name} set={setName} placeholder="crm" />
          <TextField
            required
            label={words.url}
            type="url"
            value={url}
            set={setUrl}
            placeholder="https://crm.example.com/hook"
          />
          <FormError error={error} what={words.notAdded} />
          <Button kind="primary" type="submit" busy={busy}>
            {words.addHook}
          </Button>
        </form>
      )}
    </Dialog>
  );
}

/** Addresses that rules call. */
export function Webhooks({ mayChange }: { mayChange: boolean }) {
  const hooks = useWebhooks();
  const [adding, setAdding] = useState(false);
  return (
    <section className="mt-10" aria-labelledby="programs">
      <header className="mb-3 flex flex-wrap items-end gap-3">
        <div className="min-w-0 flex-1 basis-64">
          <h2 id="programs" className="text-lg font-semibold">
            {words.hooks}
          </h2>
          <p className="text-pretty text-ink-2">{words.hooksText}</p>
        </div>
        {mayChange ? <Button onClick={() => setAdding(true)}>{words.addHook}</Button> : null}
      </header>
      {hooks.isPending ? (
        <SkeletonRows count={2} label={words.loadingHooks} />
      ) : hooks.isError ? (
        <Failed error={hooks.error} retry={() => void hooks.refetch()} />
      ) : hooks.data.length === 0 ? (
        <p className="border-t border-line py-4 text-ink-2">{words.hooksEmpty}</p>
      ) : (
        <ul className="border-t border-line">
          {hooks.data.map((hook) => (
            <Item key={hook.id} hook={hook} mayChange={mayChange} />
          ))}
        </ul>
      )}
      {adding ? <AddForm onClose={() => setAdding(false)} /> : null}
    </section>
  );
}
