import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { workspaceQuery } from '../../lib/api';
import type { Contact } from '../../lib/types';
import { Button, buttonClass } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { sayFailed } from '../../ui/toasts';
import { eraseContact } from './api';
import { words } from './strings';

function EraseDialog({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const erase = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await eraseContact(client, contact);
      await navigate({ to: '/inbox', search: (before) => before });
    } catch (error) {
      sayFailed(words.notErased, error);
      setBusy(false);
    }
  };
  return (
    <Dialog open onClose={onClose} title={words.eraseTitle(contact.name)} description={words.eraseText}>
      <form onSubmit={(event) => void erase(event)} className="space-y-4">
        <p className="text-sm text-pretty text-ink-2">{words.eraseBackups}</p>
        <label className="block">
          <span className="mb-1 block text-sm font-medium">{words.eraseConfirm(words.eraseWord)}</span>
          <input
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            autoComplete="off"
            spellCheck={false}
            className="field"
          />
        </label>
        <Button
          type="submit"
          kind="danger"
          busy={busy}
          disabled={typed.trim().toLowerCase() !== words.eraseWord}
        >
          {words.eraseNow}
        </Button>
      </form>
    </Dialog>
  );
}

/** Export and erasure of one person, for admins. */
export function PersonalData({ contact }: { contact: Contact }) {
  const [erasing, setErasing] = useState(false);
  return (
    <div className="flex flex-wrap gap-1.5">
      <a
        href={`/api/v1/contacts/${contact.id}/export${workspaceQuery()}`}
        download={`${contact.id}.json`}
        className={buttonClass('plain', 'sm')}
      >
        {words.exportAll}
      </a>
      <Button size="sm" kind="quiet" className="text-danger!" onClick={() => setErasing(true)}>
        {words.erase}
      </Button>
      {erasing ? <EraseDialog contact={contact} onClose={() => setErasing(false)} /> : null}
    </div>
  );
}
