import { Trash2 } from 'lucide-react';
import type { Pipeline } from '../../lib/types';
import { Button } from '../../ui/button';
import { AreaField, SelectField, TextField, WordsField } from '../../ui/form';
import { IconButton } from '../../ui/icon-button';
import { type Action, blank, type Webhook } from './model';
import { words } from './strings';

const KINDS = Object.keys(words.actions) as Action['type'][];
interface Props {
  action: Action;
  pipelines: Pipeline[];
  webhooks: Webhook[];
  set: (action: Action) => void;
}

function Fields({ action, pipelines, webhooks, set }: Props) {
  switch (action.type) {
    case 'reply':
      return (
        <AreaField
          required
          label={words.replyText}
          value={action.text}
          set={(text) => set({ ...action, text })}
          help={words.variables}
        />
      );
    case 'ask':
      return (
        <div className="space-y-3">
          <AreaField
            required
            label={words.question}
            value={action.text}
            set={(text) => set({ ...action, text })}
          />
          <div className="grid grid-cols-2 gap-3">
            <TextField
              required
              label={words.field}
              value={action.field}
              set={(field) => set({ ...action, field })}
            />
            <SelectField
              label={words.kind}
              value={action.kind ?? 'text'}
              set={(kind) => set({ ...action, kind: kind as 'text' | 'phone' | 'email' })}
            >
              {Object.entries(words.kinds).map(([kind, name]) => (
                <option key={kind} value={kind}>
                  {name}
                </option>
              ))}
            </SelectField>
          </div>
          {action.kind === 'phone' || action.kind === 'email' ? (
            <AreaField
              required
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
        <WordsField
          required
          label={words.labels}
          value={action.add ?? []}
          set={(add) => set({ ...action, add })}
        />
      );
    case 'set_field':
      return (
        <div className="grid grid-cols-2 gap-3">
          <TextField
            required
            label={words.field}
            value={action.field}
            set={(field) => set({ ...action, field })}
          />
          <TextField
            required
            label={words.value}
            value={action.value}
            set={(value) => set({ ...action, value })}
          />
        </div>
      );
    case 'assign':
      return (
        <TextField required label={words.owner} value={action.to} set={(to) => set({ ...action, to })} />
      );
    case 'lead':
      return (
        <SelectField
          label={words.stage}
          value={`${action.pipeline}\n${action.stage}`}
          set={(value) => {
            const [pipeline = '', stage = ''] = value.split('\n');
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
        </SelectField>
      );
    case 'webhook':
      return (
        <SelectField
          required
          label={words.program}
          value={action.webhook}
          set={(webhook) => set({ type: 'webhook', webhook })}
        >
          <option value="">{webhooks.length === 0 ? words.noProgram : '—'}</option>
          {webhooks.map((hook) => (
            <option key={hook.id} value={hook.name}>
              {hook.name}
            </option>
          ))}
        </SelectField>
      );
    default:
      return (
        <TextField
          label={words.note}
          value={action.note ?? ''}
          set={(note) => set(note ? { ...action, note } : { type: 'hand_over' })}
        />
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
