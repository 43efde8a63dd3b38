import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { keys } from '../../lib/keys';
import { useAccounts, useChannels } from '../../lib/queries';
import type { Session } from '../../lib/session';
import { Button } from '../../ui/button';
import { FormError, SelectField, TextField } from '../../ui/form';
import { Failed, SkeletonRows } from '../../ui/states';
import { sayDone } from '../../ui/toasts';
import { savePolicy, usePolicy } from './api';
import { Backups } from './policy-backups';
import { Costs } from './policy-costs';
import { Lines } from './policy-lines';
import type { Mode, Policy } from './policy-model';
import { QuietHours } from './policy-quiet';
import { words } from './policy-strings';
import { useMayChange } from './use-role';

function Part({ title, help, children }: { title: string; help?: string; children: ReactNode }) {
  return (
    <fieldset className="border-t border-line pt-6">
      <legend className="float-left w-full text-lg font-semibold">{title}</legend>
      <div className="clear-both space-y-4">
        {help ? <p className="text-pretty text-ink-2">{help}</p> : null}
        {children}
      </div>
    </fieldset>
  );
}

function Modes({ mode, set }: { mode: Mode; set: (mode: Mode) => void }) {
  return (
    <div className="space-y-2">
      {(Object.keys(words.modes) as Mode[]).map((each) => (
        <label
          key={each}
          className="flex gap-3 rounded-xl border border-line p-3.5 hover:bg-hover has-checked:border-accent has-checked:bg-accent-soft"
        >
          <input
            type="radio"
            name="mode"
            checked={mode === each}
            onChange={() => set(each)}
            className="mt-1 size-4 accent-accent"
          />
          <span>
            <span className="block font-medium">{words.modes[each][0]}</span>
            <span className="block text-sm text-pretty text-ink-2">{words.modes[each][1]}</span>
          </span>
        </label>
      ))}
    </div>
  );
}

function whole(value: string, max: number): number {
  return Math.min(max, Math.max(0, Math.floor(Number(value) || 0)));
}

function Form({ stored, readOnly }: { stored: Policy; readOnly: boolean }) {
  const client = useQueryClient();
  const accounts = useAccounts();
  const specs = useChannels();
  const [policy, setPolicy] = useState(stored);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const session = client.getQueryData<Session>(keys.session);
  const business = session?.workspaces.find((each) => each.id === session.workspace_id)?.name ?? '';
  const change = (part: Partial<Policy>) => setPolicy((before) => ({ ...before, ...part }));
  const ours = [...new Set((accounts.data ?? []).map((account) => account.channel))];
  const title = (channel: string) => specs.data?.find((spec) => spec.name === channel)?.title ?? channel;
  const changed = JSON.stringify(policy) !== JSON.stringify(stored);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    savePolicy(policy)
      .then((saved) => {
        client.setQueryData(keys.policy, saved);
        setPolicy(saved);
        sayDone(words.saved);
      })
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return (
    <form onSubmit={submit} className="max-w-2xl">
      {readOnly ? <p className="mb-4 text-ink-2">{words.readOnly}</p> : null}
      <fieldset disabled={readOnly} className="space-y-8">
        <fieldset className="space-y-4">
          <legend className="mb-3 text-lg font-semibold">{words.mode}</legend>
          <Modes mode={policy.mode} set={(mode) => change({ mode })} />
          {policy.mode === 'suggest' && accounts.data?.some((account) => account.sandbox) ? (
            <label className="flex items-start gap-2.5">
              <input
                type="checkbox"
                checked={policy.sandbox_suggests}
                onChange={(event) => change({ sandbox_suggests: event.target.checked })}
                className="mt-1 size-4 accent-accent"
              />
              <span>
                {words.sandboxSuggests}
                <span className="block text-sm text-ink-2">{words.sandboxSuggestsHelp}</span>
              </span>
            </label>
          ) : null}
          <div className="grid gap-4 sm:grid-cols-2">
            <TextField
              label={words.hold}
              help={words.holdHelp}
              type="number"
              min={0}
              max={86_400}
              value={String(policy.hold_first_s)}
              set={(value) => change({ hold_first_s: whole(value, 86_400) })}
            />
            <TextField
              label={words.live}
              help={words.liveHelp}
              type="number"
              min={0}
              max={720}
              value={String(policy.live_hours)}
              set={(value) => change({ live_hours: whole(value, 720) })}
            />
            <TextField
              label={words.settle}
              help={words.settleHelp}
              type="number"
              min={0}
              max={1440}
              value={String(policy.settle_min)}
              set={(value) => change({ settle_min: whole(value, 1440) })}
            />
            <SelectField
              label={words.proof}
              value={policy.proof_min}
              set={(value) => change({ proof_min: value as Policy['proof_min'] })}
            >
              {Object.entries(words.proofs).map(([proof, text]) => (
                <option key={proof} value={proof}>
                  {text}
                </option>
              ))}
            </SelectField>
          </div>
        </fieldset>
        <Part title={words.channels} help={words.channelsHelp}>
          <Backups ours={ours} title={title} policy={policy} change={change} />
        </Part>
        <Part title={words.lines} help={words.linesHelp}>
          <Lines
            lines={policy.lines}
            channel={title(ours.find((channel) => channel !== 'webchat') ?? 'instagram')}
            business={business}
            set={(lines) => change({ lines })}
          />
        </Part>
        <Part title={words.quiet} help={words.quietHelp}>
          <QuietHours quiet={policy.quiet} set={(quiet) => change({ quiet })} />
        </Part>
        <Part title={words.costs} help={words.costsHelp}>
          <Costs ours={ours} title={title} policy={policy} change={change} />
        </Part>
        <FormError error={error} what={words.notSaved} />
        {changed ? (
          <div className="sticky bottom-0 -mx-4 flex flex-wrap gap-2 border-t border-line bg-surface px-4 py-3">
            <Button kind="primary" type="submit" busy={busy}>
              {words.save}
            </Button>
            <Button onClick={() => setPolicy(stored)}>{words.revert}</Button>
          </div>
        ) : null}
      </fieldset>
    </form>
  );
}

/** What to do when a channel fails. */
export function PolicyPage() {
  const policy = usePolicy();
  const mayChange = useMayChange();
  if (policy.isPending) return <SkeletonRows count={5} label={words.loading} />;
  if (policy.isError) return <Failed error={policy.error} retry={() => void policy.refetch()} />;
  return <Form stored={policy.data} readOnly={!mayChange} />;
}
