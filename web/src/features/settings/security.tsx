import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { full, moment } from '../../lib/dates';
import { useNow } from '../../lib/use-now';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { Failed, SkeletonRows } from '../../ui/states';
import { sayDone, sayFailed } from '../../ui/toasts';
import { useSession } from '../signin/api';
import {
  type AuditLine,
  put,
  refreshSecurity,
  refreshSession,
  useAudit,
  useMembers,
  useSecurity,
} from './api';
import { Field, SendForm } from './form';
import { Retention } from './retention';
import { SecondFactor } from './second-factor';
import { words } from './strings';

function Password() {
  const client = useQueryClient();
  const { has_password: has, password_needed: needed } = useSession().security;
  const [open, setOpen] = useState(false);
  const send = async (form: FormData) => {
    const password = form.get('password');
    const body = { new_password: form.get('new_password'), ...(password ? { password } : {}) };
    await put('/session/password', body);
    sayDone(words.passwordSaved);
    setOpen(false);
    void refreshSession(client);
  };
  return (
    <div className="flex flex-wrap items-center gap-3 border-y border-line py-4">
      <div className="min-w-0 flex-1 basis-64">
        <h3 className="font-medium">{words.password}</h3>
        <p className="text-pretty text-ink-2">{has ? words.hasPassword : words.noPassword}</p>
      </div>
      <Button onClick={() => setOpen(true)}>{has ? words.changePassword : words.setPassword}</Button>
      {open ? (
        <Dialog open title={has ? words.changePassword : words.setPassword} onClose={() => setOpen(false)}>
          <SendForm send={send} label={words.savePassword} onCancel={() => setOpen(false)}>
            {needed ? (
              <Field
                label={words.presentPassword}
                name="password"
                type="password"
                required
                autoComplete="current-password"
              />
            ) : null}
            <Field
              label={words.newPassword}
              name="new_password"
              type="password"
              required
              minLength={10}
              autoComplete="new-password"
              hint={words.passwordHint}
            />
          </SendForm>
        </Dialog>
      ) : null}
    </div>
  );
}

function ForEverybody() {
  const client = useQueryClient();
  const session = useSession();
  const policy = useSecurity(true);
  // What was pressed shows at once; a refusal takes it back.
  const [pressed, setPressed] = useState<boolean | null>(null);
  const owner = session.user.role === 'owner';
  const required = policy.data?.second_factor_required ?? false;
  const first = !required && !session.security.second_factor;
  const change = (next: boolean) => {
    setPressed(next);
    put('/security', { second_factor_required: next })
      .catch((error: unknown) => sayFailed(words.notChanged, error))
      .then(() => refreshSecurity(client))
      .finally(() => setPressed(null));
  };
  if (policy.isError) return <Failed error={policy.error} retry={() => void policy.refetch()} />;
  return (
    <div className="py-4">
      <h3 className="mb-1 font-medium">{words.workspaceRule}</h3>
      <label className="flex items-start gap-2.5">
        <input
          type="checkbox"
          className="mt-1 size-4 accent-accent"
          checked={pressed ?? required}
          disabled={!owner || first || pressed !== null || policy.isPending}
          onChange={(event) => change(event.target.checked)}
        />
        <span>
          {words.requireFactor}
          <span className="block text-sm text-pretty text-ink-2">
            {words.requireText} {owner ? (first ? words.requireFirst : '') : words.ownersOnly}
          </span>
        </span>
      </label>
    </div>
  );
}

function who(line: AuditLine): string {
  if (line.user_name) return line.user_name;
  const key = line.detail.api_key;
  return typeof key === 'string' ? words.byProgram(key) : words.byServer;
}

/** Values of a line's details, in the order they were written. */
const details = (line: AuditLine) =>
  Object.entries(line.detail)
    .filter(([name]) => name !== 'api_key')
    .map(([name, value]) => `${name.replaceAll('_', ' ')}: ${String(value)}`)
    .join(', ');

/** One change in a sentence. An object without a name is told by its details, or not at all: ids say nothing here. */
function Line({ line, people }: { line: AuditLine; people: Map<string, string> }) {
  const now = useNow();
  const what = people.get(line.object);
  const more = details(line);
  return (
    <li className="flex items-start gap-3 border-b border-line py-2 text-sm">
      <div className="min-w-0 flex-1 [overflow-wrap:anywhere]">
        <p>
          <span className="font-medium">{who(line)}</span>{' '}
          {words.did[line.action] ?? line.action.replaceAll(/[._]/g, ' ')}
          {what ? <span className="font-medium"> {what}</span> : null}
        </p>
        {more ? <p className="text-ink-2">{more}</p> : null}
      </div>
      <time
        dateTime={line.at}
        title={full(line.at)}
        className="shrink-0 whitespace-nowrap text-ink-2 tabular-nums"
      >
        {moment(line.at, now)}
      </time>
    </li>
  );
}

function Log() {
  const log = useAudit(true);
  const people = new Map(useMembers().data?.map((member) => [member.id, member.name]));
  if (log.isPending) return <SkeletonRows count={4} label={words.loading} />;
  if (log.isError) return <Failed error={log.error} retry={() => void log.refetch()} />;
  const lines = log.data.pages.flatMap((page) => page.items);
  if (lines.length === 0) return <p className="py-4 text-ink-2">{words.noLog}</p>;
  return (
    <>
      <ul className="border-t border-line">
        {lines.map((line) => (
          <Line key={line.id} line={line} people={people} />
        ))}
      </ul>
      {log.hasNextPage ? (
        <Button className="mt-3" busy={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
          {words.older}
        </Button>
      ) : null}
    </>
  );
}

/** How the person signs in, and what the workspace asks of everybody. */
export function Security() {
  const { user, security } = useSession();
  const locked = security.second_factor_required && !security.second_factor;
  const admin = user.role === 'owner' || user.role === 'admin';
  return (
    <section aria-labelledby="security">
      <h2 id="security" className="text-lg font-semibold">
        {words.sections.security}
      </h2>
      <p className="mb-3 text-pretty text-ink-2">{words.securityText}</p>
      {locked ? (
        <p role="alert" className="mb-4 rounded-lg border border-warn-line bg-warn-soft p-3 text-warn">
          {words.mustSetUp}
        </p>
      ) : null}
      <Password />
      <SecondFactor />
      {locked ? null : (
        <>
          <ForEverybody />
          <Retention />
        </>
      )}
      {admin && !locked ? (
        <>
          <h3 className="mt-8 font-semibold">{words.log}</h3>
          <p className="mb-3 text-pretty text-ink-2">{words.logText}</p>
          <Log />
        </>
      ) : null}
    </section>
  );
}
