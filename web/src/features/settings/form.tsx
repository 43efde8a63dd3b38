import { type ComponentProps, type FormEvent, type ReactNode, useState } from 'react';
import { explain } from '../../lib/api';
import { Button } from '../../ui/button';
import { words } from './strings';

/** A labelled input. */
export function Field({ label, hint, ...rest }: ComponentProps<'input'> & { label: string; hint?: string }) {
  return (
    <label className="block">
      <span className="mb-1 block text-sm font-medium">{label}</span>
      <input className="field" {...rest} />
      {hint ? <span className="mt-1 block text-xs text-ink-2">{hint}</span> : null}
    </label>
  );
}

/** Chooses one of the roles that may be given. */
export function RoleField({ roles }: { roles: string[] }) {
  return (
    <label className="block">
      <span className="mb-1 block text-sm font-medium">{words.role}</span>
      <select name="role" defaultValue="agent" className="field">
        {roles.map((role) => (
          <option key={role} value={role}>
            {words.roles[role]}
          </option>
        ))}
      </select>
    </label>
  );
}

interface FormProps {
  /** Does it; what it throws is shown. */
  send: (form: FormData) => Promise<unknown>;
  label: string;
  danger?: boolean;
  onCancel?: () => void;
  children?: ReactNode;
}

/** Fields with one button; busy while it is sent, and it says what went wrong. */
export function SendForm({ send, label, danger, onCancel, children }: FormProps) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const said = failure ? explain(failure) : null;
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    send(new FormData(event.currentTarget))
      .catch(setFailure)
      .finally(() => setBusy(false));
  };
  return (
    <form onSubmit={onSubmit} className="space-y-4">
      {children}
      {said ? (
        <div role="alert" className="rounded-lg border border-danger-line bg-danger-soft p-3 text-sm">
          <p className="font-medium text-danger">{said.title}</p>
          {said.nextStep ? <p>{said.nextStep}</p> : null}
        </div>
      ) : null}
      <div className="flex gap-2">
        <Button type="submit" kind={danger ? 'danger' : 'primary'} busy={busy}>
          {label}
        </Button>
        {onCancel ? <Button onClick={onCancel}>{words.cancel}</Button> : null}
      </div>
    </form>
  );
}
