import { useQueryClient } from '@tanstack/react-query';
import { CircleCheck } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { post } from '../../lib/api';
import { keys } from '../../lib/keys';
import { useChannels } from '../../lib/queries';
import type { FieldSpec } from '../../lib/types';
import { Button } from '../../ui/button';
import { CopyText } from '../../ui/copy-text';
import { Dialog } from '../../ui/dialog';
import { FormError } from '../../ui/form';
import { Failed, SkeletonRows } from '../../ui/states';
import { words } from './strings';

/** Secrets that the hub makes itself when they are left empty. */
const MADE_HERE: readonly string[] = ['secret_token', 'signing_key', 'verify_token'];

interface Added {
  id: string;
  channel: string;
  webhook_path: string | null;
  next_steps: string[];
}

function Field({ field, kind }: { field: FieldSpec; kind: 'set' | 'secret' }) {
  const made = kind === 'secret' && MADE_HERE.includes(field.name);
  const required = field.required && !made;
  return (
    <label className="block">
      <span className="mb-1 flex items-baseline gap-2 text-sm font-medium">
        <code className="font-mono text-xs">{field.name}</code>
        {required ? null : (
          <span className="text-xs font-normal text-ink-3">{made ? words.madeHere : words.optional}</span>
        )}
      </span>
      <input
        name={`${kind}.${field.name}`}
        type={kind === 'secret' ? 'password' : 'text'}
        required={required}
        autoComplete="off"
        spellCheck={false}
        className="field"
      />
      <span className="mt-1 block text-xs text-pretty text-ink-2 first-letter:uppercase">{field.help}</span>
    </label>
  );
}

/** Collects `kind.*` values of a form that are not empty. */
function collect(form: FormData, kind: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of form) {
    if (name.startsWith(`${kind}.`) && typeof value === 'string' && value.trim()) {
      values[name.slice(kind.length + 1)] = value.trim();
    }
  }
  return values;
}

function Next({ added, title, onClose }: { added: Added; title: string; onClose: () => void }) {
  return (
    <div className="space-y-4">
      <p className="flex items-center gap-2 font-medium">
        <CircleCheck aria-hidden="true" className="size-5 text-ok" />
        {words.connected(title)}
      </p>
      {added.webhook_path ? (
        <div>
          <p className="mb-1 text-sm font-medium">{words.hook}</p>
          <CopyText value={added.webhook_path} label={words.copyHook} />
        </div>
      ) : null}
      {added.next_steps.length > 0 ? (
        <div>
          <p className="mb-1 text-sm font-medium">{words.next}</p>
          <ol className="list-decimal space-y-1 pl-5 text-pretty text-ink-2">
            {added.next_steps.map((step) => (
              <li key={step} className="[overflow-wrap:anywhere]">
                {step}
              </li>
            ))}
          </ol>
        </div>
      ) : null}
      <Button kind="primary" onClick={onClose}>
        {words.done}
      </Button>
    </div>
  );
}

/** Connects an account; the fields come from the channel's own description. */
export function AddAccount({ open, onClose }: { open: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const channels = useChannels(open);
  const [chosen, setChosen] = useState('');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const [added, setAdded] = useState<Added | null>(null);
  const spec = channels.data?.find((channel) => channel.name === chosen) ?? channels.data?.[0];

  const close = () => {
    setAdded(null);
    setFailure(null);
    onClose();
  };
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!spec) return;
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setFailure(null);
    post<Added>('/accounts', {
      channel: spec.name,
      name: String(form.get('name')).trim(),
      settings: collect(form, 'set'),
      secrets: collect(form, 'secret'),
    })
      .then((result) => {
        setAdded(result);
        return client.invalidateQueries({ queryKey: keys.accounts });
      })
      .catch(setFailure)
      .finally(() => setBusy(false));
  };

  return (
    <Dialog
      open={open}
      onClose={close}
      title={words.add}
      description={words.addText}
      step={added ? 'added' : channels.isSuccess ? 'form' : 'loading'}
    >
      {channels.isPending ? (
        <SkeletonRows count={3} label={words.loading} />
      ) : channels.isError ? (
        <Failed error={channels.error} retry={() => void channels.refetch()} />
      ) : added && spec ? (
        <Next added={added} title={spec.title} onClose={close} />
      ) : (
        <form onSubmit={onSubmit} className="space-y-4">
          <label className="block">
            <span className="mb-1 block text-sm font-medium">{words.pick}</span>
            <select
              value={spec?.name ?? ''}
              onChange={(event) => setChosen(event.target.value)}
              className="field"
            >
              {channels.data.map((channel) => (
                <option key={channel.name} value={channel.name}>
                  {channel.title}
                </option>
              ))}
            </select>
          </label>
          <label className="block">
            <span className="mb-1 block text-sm font-medium">{words.name}</span>
            <input name="name" required maxLength={80} autoComplete="off" className="field" />
            <span className="mt-1 block text-xs text-ink-2">{words.nameHint}</span>
          </label>
          {spec?.settings.map((field) => (
            <Field key={`${spec.name}.set.${field.name}`} field={field} kind="set" />
          ))}
          {spec?.secrets.map((field) => (
            <Field key={`${spec.name}.secret.${field.name}`} field={field} kind="secret" />
          ))}
          <FormError error={failure} />
          <div className="flex gap-2">
            <Button type="submit" kind="primary" busy={busy}>
              {words.connect}
            </Button>
            <Button onClick={close}>{words.cancel}</Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
