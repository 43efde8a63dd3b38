import { type ComponentProps, type FormEvent, type ReactNode, useState } from 'react';
import { Button } from '../../ui/button';
import { FormError, Labelled } from '../../ui/form';
import { words } from './strings';

/** A labelled input that its form reads when it is sent. */
export function Field({ label, hint, ...rest }: ComponentProps<'input'> & { label: string; hint?: string }) {
  return (
    <Labelled label={label} help={hint}>
      {(id, describedBy) => <input id={id} aria-describedby={describedBy} className="field" {...rest} />}
    </Labelled>
  );
}

/** Chooses one of the roles that may be given. */
export function RoleField({ roles }: { roles: string[] }) {
  return (
    <Labelled label={words.role}>
      {(id) => (
        <select id={id} name="role" defaultValue="agent" className="field">
          {roles.map((role) => (
            <option key={role} value={role}>
              {words.roles[role]}
            </option>
          ))}
        </select>
      )}
    </Labelled>
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
      <FormError error={failure} />
      <div className="flex gap-2">
        <Button type="submit" kind={danger ? 'danger' : 'primary'} busy={busy}>
          {label}
        </Button>
        {onCancel ? <Button onClick={onCancel}>{words.cancel}</Button> : null}
      </div>
    </form>
  );
}
