import { Trash2 } from 'lucide-react';
import { useId } from 'react';
import type { Pipeline } from '../../lib/types';
import { Button } from '../../ui/button';
import { IconButton } from '../../ui/icon-button';
import { type Action, blank, type Webhook } from './model';
import { words } from './strings';

const KINDS = Object.keys(words.actions) as Action['type'][];
const list = (text: string) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean);

interface Props {
  action: Action;
  pipelines: Pipeline[];
  webhooks: Webhook[];
  set: (action: Action) => void;
}

function Text({
  label,
  value,
  set,
  area,
  help,
}: {
  label: string;
  value: string;
  set: (value: string) => void;
  area?: boolean;
  help?: string;
}) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
      </label>
      {area ? (
        <textarea
          id={id}
          rows={3}
          required
          value={value}
          onChange={(e) => set(e.target.value)}
          className="field h-auto py-2"
        />
      ) : (
        <input id={id} required value={value} onChange={(e) => set(e.target.value)} className="field" />
      )}
      {help ? <span className="mt-1 block text-xs text-pretty text-ink-2">{help}</span> : null}
    </div>
  );
}

function Fields({ action, pipelines, webhooks, set }: Props) {
  switch (action.type) {
    case 'reply':
      return (
        <Text
          area
          label={words.replyText}
          value={action.text}
          set={(text) => set({ ...action, text })}
          help={words.variables}
        />
      );
    case 'ask':
      return (
        <div className="space-y-3">
          <Text area label={words.question} value={action.text} set={(text) => set({ ...action, text })} />
          <div className="grid grid-cols-2 gap-3">
            <Text label={words.field} value={action.field} set={(field) => set({ ...action, field })} />
            <label className="block">
              <span className="mb-1 block text-sm font-medium">{words.kind}</span>
              <select
                className="field"
                value={action.kind ?? 'text'}
                onChange={(e) => set({ ...action, kind: e.target.value as 'text' | 'phone' | 'email' })}
              >
                {Object.entries(words.kinds).map(([kind, name]) => (
                  <option key={kind} value={kind}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          </div>
          {action.kind === 'phone' || action.kind === 'email' ? (
            <Text
              area
              label={words.wording}
              value={action.wording ?? ''}
              set={(wording) => set({ ...action, wording })}
              help={words.wordingHelp}
            />
          ) : null}
        </div>
      );
    case 'label':
      return (
        <Text
          label={words.labels}
          value={(action.add ?? []).join(', ')}
          set={(text) => set({ ...action, add: list(text) })}
        />
      );
    case 'set_field':
      return (
        <div className="grid grid-cols-2 gap-3">
          <Text label={words.field} value={action.field} set={(field) => set({ ...action, field })} />
          <Text label={words.value} value={action.value} set={(value) => set({ ...action, value })} />
        </div>
      );
    case 'assign':
      return <Text label={words.owner} value={action.to} set={(to) => set({ ...action, to })} />;
    case 'lead':
      return (
        <label className="block">
          <span className="mb-1 block text-sm font-medium">{words.stage}</span>
          <select
            className="field"
            value={`${action.pipeline}\n${action.stage}`}
            onChange={(e) => {
              const [pipeline = '', stage = ''] = e.target.value.split('\n');
              set({ type: 'lead', pipeline, stage });
            }}
          >
            {pipelines.flatMap((pipeline) =>
              pipeline.stages.map((stage) => (
                <option key={stage.id} value={`${pipeline.name}\n${stage.name}`}>
                  {pipeline.name}, {stage.name}
                </option>
              )),
            )}
          </select>
        </label>
      );
    case 'webhook':
      return (
        <label className="block">
          <span className="mb-1 block text-sm font-medium">{words.program}</span>
          <select
            required
            className="field"
            value={action.webhook}
            onChange={(e) => set({ type: 'webhook', webhook: e.target.value })}
          >
            <option value="">{webhooks.length === 0 ? words.noProgram : '—'}</option>
            {webhooks.map((hook) => (
              <option key={hook.id} value={hook.name}>
                {hook.name}
              </option>
            ))}
          </select>
        </label>
      );
    default:
      return (
        <label className="block">
          <span className="mb-1 block text-sm font-medium">{words.note}</span>
          <input
            className="field"
            value={action.note ?? ''}
            onChange={(e) =>
              set(e.target.value ? { ...action, note: e.target.value } : { type: 'hand_over' })
            }
          />
        </label>
      );
  }
}

/** The actions of a rule, in order. */
export function RuleActions({
  actions,
  pipelines,
  webhooks,
  set,
}: Omit<Props, 'action' | 'set'> & { actions: Action[]; set: (actions: Action[]) => void }) {
  const put = (at: number, action: Action) => set(actions.map((each, n) => (n === at ? action : each)));
  return (
    <fieldset className="space-y-3">
      <legend className="mb-1 text-sm font-medium">{words.actionsOf}</legend>
      {actions.map((action, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: actions have no id; their place is what tells them apart
        <div key={at} className="space-y-3 rounded-lg border border-line p-3">
          <div className="flex items-center gap-2">
            <select
              aria-label={`${words.actionsOf} ${at + 1}`}
              className="field flex-1"
              value={action.type}
              onChange={(e) => put(at, blank(e.target.value as Action['type'], pipelines))}
            >
              {KINDS.map((kind) => (
                <option key={kind} value={kind}>
                  {words.actions[kind]}
                </option>
              ))}
            </select>
            <IconButton
              label={words.removeAction(at + 1)}
              disabled={actions.length === 1}
              onClick={() => set(actions.filter((_, n) => n !== at))}
            >
              <Trash2 aria-hidden="true" className="size-4" />
            </IconButton>
          </div>
          <Fields action={action} pipelines={pipelines} webhooks={webhooks} set={(next) => put(at, next)} />
        </div>
      ))}
      <Button size="sm" onClick={() => set([...actions, blank('reply', pipelines)])}>
        {words.addAction}
      </Button>
    </fieldset>
  );
}
