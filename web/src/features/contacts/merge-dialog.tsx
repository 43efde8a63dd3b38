import { useQueryClient } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import type { Contact, ContactRow, MergePlan } from '../../lib/types';
import { Avatar } from '../../ui/avatar';
import { Button } from '../../ui/button';
import { ChannelBadge } from '../../ui/channel-badge';
import { Dialog } from '../../ui/dialog';
import { Failed, SkeletonRows } from '../../ui/states';
import { sayFailed } from '../../ui/toasts';
import { mergeContacts, useContactSearch, useMergePlan } from './api';
import { words } from './strings';

/** Finding the other contact by name. */
function Search({ contact, onChoose }: { contact: Contact; onChoose: (row: ContactRow) => void }) {
  const [typed, setTyped] = useState('');
  const q = useDeferredValue(typed.trim());
  const { data, isPending, error, refetch } = useContactSearch(q);
  const rows = data?.items.filter((row) => row.id !== contact.id);
  return (
    <div className="space-y-3">
      <input
        // biome-ignore lint/a11y/noAutofocus: the dialog opened to look for somebody
        autoFocus
        type="search"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        aria-label={words.mergeSearch}
        placeholder={words.mergeSearch}
        autoComplete="off"
        className="field"
      />
      {isPending ? <SkeletonRows count={3} label={words.mergeSearching} /> : null}
      {error && !data ? <Failed error={error} retry={() => void refetch()} /> : null}
      {rows?.length === 0 ? (
        <p role="status" className="py-2 text-sm text-ink-2">
          {words.mergeNone(q)}
        </p>
      ) : null}
      <ul className="max-h-80 overflow-y-auto">
        {rows?.map((row) => (
          <li key={row.id}>
            <button
              type="button"
              onClick={() => onChoose(row)}
              className="flex min-h-11 w-full items-center gap-3 rounded-lg px-2 py-1.5 text-left hover:bg-hover"
            >
              <Avatar name={row.name} seed={row.id} />
              <span className="min-w-0 flex-1 truncate font-medium">{row.name}</span>
              {row.channels.map((channel) => (
                <ChannelBadge key={channel} channel={channel} text={null} />
              ))}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface ConflictsProps {
  plan: MergePlan;
  names: { kept: string; gone: string };
  taken: string[];
  onTake: (field: string, taken: boolean) => void;
}

/** Values that differ: for each, one of the two stays. */
function Conflicts({ plan, names, taken, onTake }: ConflictsProps) {
  return (
    <div className="space-y-3">
      <p className="text-sm font-medium">{words.conflicts}</p>
      {plan.conflicts.map(({ field, kept, gone }) => (
        <fieldset key={field}>
          <legend className="mb-1 text-xs text-ink-2">{field === 'name' ? words.conflictName : field}</legend>
          <div className="grid gap-1.5 sm:grid-cols-2">
            {[
              { value: kept, whose: names.kept, take: false },
              { value: gone, whose: names.gone, take: true },
            ].map(({ value, whose, take }) => (
              <label
                key={whose + String(take)}
                className="flex min-h-11 min-w-0 items-center gap-2 rounded-lg border border-line px-2.5 py-1.5 has-checked:border-accent has-checked:bg-hover"
              >
                <input
                  type="radio"
                  name={field}
                  checked={taken.includes(field) === take}
                  onChange={() => onTake(field, take)}
                  className="accent-accent"
                />
                <span className="min-w-0">
                  <span className="block text-sm break-words">{value}</span>
                  {field === 'name' ? null : (
                    <span className="block truncate text-xs text-ink-2">{whose}</span>
                  )}
                </span>
              </label>
            ))}
          </div>
        </fieldset>
      ))}
    </div>
  );
}

const moved = (plan: MergePlan) =>
  [
    words.counts(plan.identities, 'address', 'addresses'),
    words.counts(plan.conversations, 'conversation', 'conversations'),
    plan.consents ? words.counts(plan.consents, 'consent', 'consents') : '',
    plan.leads ? words.counts(plan.leads, 'lead', 'leads') : '',
  ]
    .filter(Boolean)
    .join(', ');

interface PreviewProps {
  contact: Contact;
  other: ContactRow;
  onBack: () => void;
  onDone: () => void;
}

/** What the merge would do, and doing it. */
function Preview({ contact, other, onBack, onDone }: PreviewProps) {
  const client = useQueryClient();
  const [take, setTake] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const { data: plan, error, refetch } = useMergePlan(contact.id, other.id);
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!plan) return <SkeletonRows count={3} label={words.mergePlanning} />;
  const choose = (field: string, taken: boolean) =>
    setTake((before) => [...before.filter((name) => name !== field), ...(taken ? [field] : [])].sort());
  const merge = async () => {
    setBusy(true);
    try {
      await mergeContacts(client, contact.id, other, take);
      onDone();
    } catch (failed) {
      sayFailed(words.notMerged, failed);
      setBusy(false);
    }
  };
  return (
    <div className="space-y-4">
      <div>
        <p className="font-medium break-words">{words.mergeMoves(other.name, contact.name)}</p>
        <p className="mt-1 text-sm text-ink-2">
          {words.moving} {moved(plan)}.
        </p>
      </div>
      {plan.conflicts.length > 0 ? (
        <Conflicts
          plan={plan}
          names={{ kept: contact.name, gone: other.name }}
          taken={take}
          onTake={choose}
        />
      ) : null}
      {plan.lines.length > 0 ? (
        <ul className="space-y-1.5 border-l-2 border-line-strong pl-3 text-sm text-pretty">
          {plan.lines.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      ) : null}
      <div className="flex flex-wrap gap-2">
        <Button kind="primary" busy={busy} onClick={() => void merge()}>
          {words.confirmMerge}
        </Button>
        <Button kind="quiet" onClick={onBack}>
          {words.mergeOther}
        </Button>
      </div>
    </div>
  );
}

/** Merges another contact into this one: search, preview, merge. */
export function MergeDialog({ contact, onClose }: { contact: Contact; onClose: () => void }) {
  const [other, setOther] = useState<ContactRow | null>(null);
  return (
    <Dialog open onClose={onClose} title={words.mergeTitle(contact.name)} description={words.mergeText}>
      {other ? (
        <Preview contact={contact} other={other} onBack={() => setOther(null)} onDone={onClose} />
      ) : (
        <Search contact={contact} onChoose={setOther} />
      )}
    </Dialog>
  );
}
