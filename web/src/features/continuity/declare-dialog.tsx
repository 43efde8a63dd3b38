import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { keys } from '../../lib/keys';
import { useAccounts, useChannels } from '../../lib/queries';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { FormError, SelectField } from '../../ui/form';
import { sayDone } from '../../ui/toasts';
import { type Declaration, declare } from './api';
import { scopes } from './declare-model';
import { words } from './strings';

/** A person says that something is down. */
export function DeclareDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const accounts = useAccounts();
  const channels = useChannels();
  const [what, setWhat] = useState('');
  const [direction, setDirection] = useState('send');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const groups = scopes(accounts.data ?? [], channels.data ?? []);
  const chosen = what || groups[0]?.options[0]?.value || '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!chosen) return;
    setBusy(true);
    setError(null);
    declare({ ...(JSON.parse(chosen) as Omit<Declaration, 'direction'>), direction })
      .then(async () => {
        await client.invalidateQueries({ queryKey: keys.incidents });
        void client.invalidateQueries({ queryKey: keys.health });
        sayDone(words.declared);
        onClose();
        await navigate({ to: '/continuity/incidents' });
      })
      .catch((failure: unknown) => {
        setError(failure);
        setBusy(false);
      });
  };
  return (
    <Dialog open onClose={onClose} title={words.declareTitle} description={words.declareText}>
      <form onSubmit={submit} className="space-y-4">
        <SelectField label={words.declareWhat} value={chosen} set={setWhat}>
          {groups.map((group) => (
            <optgroup key={group.title} label={group.title}>
              {group.options.map((option) => (
                <option key={option.value} value={option.value}>
                  {option.label}
                </option>
              ))}
            </optgroup>
          ))}
        </SelectField>
        <SelectField label={words.declareHow} value={direction} set={setDirection}>
          {Object.entries(words.declareKinds).map(([kind, text]) => (
            <option key={kind} value={kind}>
              {text}
            </option>
          ))}
        </SelectField>
        <FormError error={error} />
        <div className="flex flex-wrap gap-2">
          <Button kind="danger" type="submit" busy={busy} disabled={!chosen}>
            {words.declareDo}
          </Button>
          <Button onClick={onClose}>{words.cancel}</Button>
        </div>
      </form>
    </Dialog>
  );
}
