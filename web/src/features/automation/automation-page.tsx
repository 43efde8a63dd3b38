import { useQueryClient } from '@tanstack/react-query';
import { ArrowDown, ArrowUp, Plus, Zap } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../ui/button';
import { IconButton } from '../../ui/icon-button';
import { PageFrame } from '../../ui/page';
import { Empty, Failed, SkeletonRows } from '../../ui/states';
import { sayDone, sayFailed } from '../../ui/toasts';
import { useMayChange } from '../continuity/use-role';
import { refreshRules, removeRule, saveRule, swap, useRules, useWebhooks } from './api';
import { type Rule, sentence, TEMPLATES } from './model';
import { type Draft, RuleForm } from './rule-form';
import { words } from './strings';
import { Webhooks } from './webhooks';

const NEW: Draft = {
  name: '',
  enabled: true,
  trigger: { type: 'message' },
  actions: [{ type: 'reply', text: '' }],
};

interface ItemProps {
  rule: Rule;
  before: Rule | undefined;
  after: Rule | undefined;
  /** Opens the form; null for those who only read. */
  edit: ((draft: Draft) => void) | null;
}

function RuleItem({ rule, before, after, edit }: ItemProps) {
  const client = useQueryClient();
  const refresh = () => void refreshRules(client);
  const move = (other: Rule) =>
    void swap(rule, other)
      .catch((error: unknown) => sayFailed(words.notMoved, error))
      .finally(refresh);
  const toggle = () =>
    void saveRule({ ...rule, enabled: !rule.enabled })
      .catch((error: unknown) => sayFailed(words.notSaved, error))
      .finally(refresh);
  const remove = () =>
    void removeRule(rule.id)
      .then(() => {
        const { id: _, ...again } = rule;
        sayDone(
          words.removed(rule.name),
          () =>
            void saveRule(again)
              .catch((error: unknown) => sayFailed(words.notSaved, error))
              .finally(refresh),
        );
      })
      .catch((error: unknown) => sayFailed(words.notRemoved, error))
      .finally(refresh);
  const duplicate = () => {
    const { id: _, position: __, ...rest } = rule;
    edit?.({ ...rest, name: `${rule.name} 2` });
  };
  return (
    <li className="flex flex-wrap items-start gap-x-3 gap-y-2 border-b border-line py-4 last:border-0">
      <input
        type="checkbox"
        checked={rule.enabled}
        aria-label={words.on(rule.name)}
        disabled={!edit}
        onChange={toggle}
        className="mt-1 size-4"
      />
      <div className={`min-w-0 flex-1 basis-64 ${rule.enabled ? '' : 'opacity-60'}`}>
        <h2 className="font-medium">{rule.name}</h2>
        <p className="mt-0.5 text-sm text-pretty text-ink-2">{sentence(rule)}</p>
      </div>
      {edit ? (
        <div className="flex flex-wrap gap-1">
          <IconButton label={words.up(rule.name)} disabled={!before} onClick={() => before && move(before)}>
            <ArrowUp aria-hidden="true" className="size-4" />
          </IconButton>
          <IconButton label={words.down(rule.name)} disabled={!after} onClick={() => after && move(after)}>
            <ArrowDown aria-hidden="true" className="size-4" />
          </IconButton>
          <Button size="sm" onClick={() => edit(rule)}>
            {words.edit}
          </Button>
          <Button size="sm" kind="quiet" onClick={duplicate}>
            {words.copy}
          </Button>
          <Button size="sm" kind="quiet" onClick={remove}>
            {words.remove}
          </Button>
        </div>
      ) : null}
    </li>
  );
}

/** Rules in the order they are tried, and the programs that they call. */
export function AutomationPage() {
  const rules = useRules();
  const hooks = useWebhooks();
  const mayChange = useMayChange();
  const [draft, setDraft] = useState<Draft | null>(null);
  const rows = [...(rules.data ?? [])].sort((a, b) => a.position - b.position);
  return (
    <PageFrame
      title={words.title}
      text={words.text}
      actions={
        mayChange ? (
          <Button kind="primary" onClick={() => setDraft(NEW)}>
            <Plus aria-hidden="true" className="size-4" />
            {words.add}
          </Button>
        ) : null
      }
    >
      {rules.isPending ? (
        <SkeletonRows count={4} label={words.loading} />
      ) : rules.isError ? (
        <Failed error={rules.error} retry={() => void rules.refetch()} />
      ) : rows.length === 0 ? (
        <Empty Sign={Zap} title={words.empty} text={mayChange ? words.emptyText : words.adminsOnly} />
      ) : (
        <ul className="border-t border-line">
          {rows.map((rule, at) => (
            <RuleItem
              key={rule.id}
              rule={rule}
              before={rows[at - 1]}
              after={rows[at + 1]}
              edit={mayChange ? setDraft : null}
            />
          ))}
        </ul>
      )}
      {mayChange && rules.data && rows.length < TEMPLATES.length ? (
        <ul className="mt-4 flex flex-wrap gap-2">
          {TEMPLATES.map((template) => (
            <li key={template.name}>
              <Button size="sm" onClick={() => setDraft(template)}>
                {template.name}
              </Button>
            </li>
          ))}
        </ul>
      ) : null}
      <Webhooks mayChange={mayChange} />
      {draft ? (
        <RuleForm
          key={draft.id ?? draft.name}
          draft={draft}
          webhooks={hooks.data ?? []}
          onClose={() => setDraft(null)}
        />
      ) : null}
    </PageFrame>
  );
}
