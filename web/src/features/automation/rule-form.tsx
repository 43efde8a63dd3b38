import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useChannels, usePipelines } from '../../lib/queries';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { FormError, SelectField, TextField, WordsField } from '../../ui/form';
import { sayDone } from '../../ui/toasts';
import { refreshRules, saveRule } from './api';
import { type Condition, type Rule, sentence, type Trigger, tidy, type Webhook } from './model';
import { RuleActions } from './rule-actions';
import { words } from './strings';

export type Draft = Omit<Rule, 'id' | 'position'> & Partial<Pick<Rule, 'id' | 'position'>>;

const TRIGGERS = Object.keys(words.triggers) as Trigger['type'][];

function trigger(type: Trigger['type']): Trigger {
  if (type === 'keyword') return { type, words: [] };
  if (type === 'postback') return { type, payload: '' };
  return { type };
}

function TriggerFields({ value, set }: { value: Trigger; set: (trigger: Trigger) => void }) {
  return (
    <div className="space-y-3">
      <SelectField
        label={words.when}
        value={value.type}
        set={(type) => set(trigger(type as Trigger['type']))}
      >
        {TRIGGERS.map((type) => (
          <option key={type} value={type}>
            {words.triggers[type]}
          </option>
        ))}
      </SelectField>
      {value.type === 'keyword' ? (
        <WordsField
          required
          label={words.wordsOf}
          value={value.words}
          set={(list) => set({ ...value, words: list })}
        />
      ) : null}
      {value.type === 'postback' ? (
        <TextField
          required
          label={words.payload}
          value={value.payload}
          set={(payload) => set({ type: 'postback', payload })}
        />
      ) : null}
    </div>
  );
}

function Channels({ chosen, set }: { chosen: string[]; set: (channels: string[]) => void }) {
  const specs = useChannels();
  return (
    <fieldset>
      <legend className="mb-1 text-sm font-medium">
        {chosen.length === 0 ? words.everywhere : words.only}
      </legend>
      <div className="flex flex-wrap gap-x-4 gap-y-1">
        {(specs.data ?? []).map((spec) => (
          <label key={spec.name} className="flex items-center gap-1.5 text-sm">
            <input
              type="checkbox"
              checked={chosen.includes(spec.name)}
              onChange={(e) =>
                set(e.target.checked ? [...chosen, spec.name] : chosen.filter((each) => each !== spec.name))
              }
            />
            {spec.title}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** A rule to write. What the form can't show (conditions of other kinds) stays as it is. */
export function RuleForm({
  draft,
  webhooks,
  onClose,
}: {
  draft: Draft;
  webhooks: Webhook[];
  onClose: () => void;
}) {
  const client = useQueryClient();
  const pipelines = usePipelines();
  const [rule, setRule] = useState<Draft>(draft);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const channel = rule.conditions?.find((each) => each.type === 'channel');
  const others = (rule.conditions ?? []).filter((each) => each.type !== 'channel');
  const setChannels = (any_of: string[]) => {
    const conditions: Condition[] = any_of.length > 0 ? [{ type: 'channel', any_of }, ...others] : others;
    setRule({ ...rule, conditions });
  };
  const save = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    saveRule({ ...rule, ...tidy(rule) })
      .then(() => {
        sayDone(words.saved);
        void refreshRules(client);
        onClose();
      })
      .catch((failure: unknown) => {
        setError(failure);
        setBusy(false);
      });
  };
  return (
    <Dialog open shape="side" title={draft.id ? words.editRule : words.newRule} onClose={onClose}>
      <form onSubmit={save} className="space-y-5">
        <TextField required label={words.name} value={rule.name} set={(name) => setRule({ ...rule, name })} />
        <TriggerFields value={rule.trigger} set={(next) => setRule({ ...rule, trigger: next })} />
        <Channels chosen={channel?.any_of ?? []} set={setChannels} />
        {others.length > 0 ? <p className="text-sm text-ink-2">{words.more}</p> : null}
        <RuleActions
          actions={rule.actions}
          pipelines={pipelines.data ?? []}
          webhooks={webhooks}
          set={(actions) => setRule({ ...rule, actions })}
        />
        <label className="flex items-center gap-2 text-sm">
          <input
            type="checkbox"
            checked={rule.stop ?? false}
            onChange={(e) => setRule({ ...rule, stop: e.target.checked })}
          />
          {words.stop}
        </label>
        <p className="rounded-lg bg-bg p-3 text-sm text-pretty text-ink-2">
          <span className="font-medium text-ink">{words.reads}: </span>
          {sentence(rule)}
        </p>
        <FormError error={error} what={words.notSaved} />
        <div className="flex gap-2">
          <Button kind="primary" type="submit" busy={busy}>
            {words.save}
          </Button>
          <Button onClick={onClose}>{words.cancel}</Button>
        </div>
      </form>
    </Dialog>
  );
}
