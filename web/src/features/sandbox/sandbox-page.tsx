import { useQueryClient } from '@tanstack/react-query';
import { FlaskConical, Power, PowerOff, RotateCcw } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { channelStyle } from '../../lib/channel-style';
import { cx } from '../../lib/cx';
import { clock } from '../../lib/dates';
import { keys } from '../../lib/keys';
import { useSandbox } from '../../lib/queries';
import type { Session } from '../../lib/session';
import type { Sandbox, SandboxFault } from '../../lib/types';
import { Button } from '../../ui/button';
import { Empty, Failed, SkeletonRows } from '../../ui/states';
import { sayDone, sayFailed } from '../../ui/toasts';
import { lift, type Press, press } from './api';
import { FinerForm } from './finer-form';
import { words } from './strings';

const byTitle = (a: { platform: string }, b: { platform: string }) =>
  channelStyle(a.platform).title.localeCompare(channelStyle(b.platform).title);

function BigPress({
  name,
  down,
  busy,
  Sign,
  color,
  onDown,
  onBack,
}: {
  name: string;
  down: boolean;
  busy: boolean;
  Sign: ReactNode;
  color?: string;
  onDown: () => void;
  onBack: () => void;
}) {
  return (
    <li
      className={cx(
        'flex flex-col gap-3 rounded-xl border p-4',
        down ? 'border-danger-line bg-danger-soft' : 'border-line bg-bg',
      )}
    >
      <p className="flex items-center gap-2">
        <span style={{ color }}>{Sign}</span>
        <span className="min-w-0 flex-1 font-semibold">{name}</span>
        <span className={cx('text-sm font-medium', down ? 'text-danger' : 'text-ink-2')}>
          {down ? words.downState : words.upState}
        </span>
      </p>
      {down ? (
        <Button kind="primary" busy={busy} onClick={onBack} aria-label={`${words.back}: ${name}`}>
          <Power aria-hidden="true" className="size-4" />
          {words.back}
        </Button>
      ) : (
        <Button busy={busy} onClick={onDown}>
          <PowerOff aria-hidden="true" className="size-4" />
          {words.down(name)}
        </Button>
      )}
    </li>
  );
}

function FaultItem({
  fault,
  sandbox,
  onBack,
}: {
  fault: SandboxFault;
  sandbox: Sandbox;
  onBack: (() => void) | null;
}) {
  const account = sandbox.accounts.find((each) => each.id === fault.account)?.name;
  const later = Date.parse(fault.starts_at) > Date.now();
  const facts = [
    account ? words.onlyAccount(account) : null,
    fault.share < 1 ? words.share(fault.share) : null,
    later ? words.starts(clock(fault.starts_at)) : null,
    fault.ends_at ? words.ends(clock(fault.ends_at)) : null,
    words.hits(fault.hits),
  ];
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line py-2.5 last:border-0">
      <p className="min-w-0 flex-1 basis-60">
        <span className="font-medium">
          {channelStyle(fault.platform).title}: {words.components[fault.component] ?? fault.component}
        </span>
        {', '}
        {words.kinds[fault.kind] ?? fault.kind}
        <span className="block text-sm text-ink-2 tabular-nums">{facts.filter(Boolean).join(' · ')}</span>
      </p>
      {onBack ? (
        <Button size="sm" onClick={onBack}>
          {words.back}
        </Button>
      ) : null}
    </li>
  );
}

function Panel({ sandbox }: { sandbox: Sandbox }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const role = client.getQueryData<Session>(keys.session)?.user.role;
  const maySteer = role === 'owner' || role === 'admin';
  const take = (what: Press, name: string) => {
    setBusy(true);
    press(client, what)
      .then(() => sayDone(words.taken(name)))
      .catch((error: unknown) => sayFailed(words.notTaken, error))
      .finally(() => setBusy(false));
  };
  const bring = (ids: readonly number[] | null) => {
    setBusy(true);
    lift(client, ids)
      .then(() => sayDone(words.brought))
      .catch((error: unknown) => sayFailed(words.notBrought, error))
      .finally(() => setBusy(false));
  };
  const faultsOf = (platforms: readonly string[]) =>
    sandbox.faults.filter((fault) => platforms.includes(fault.platform));
  const companies = [...new Set(sandbox.platforms.map((each) => each.company))]
    .map((company) => ({
      company,
      platforms: sandbox.platforms.filter((each) => each.company === company).map((each) => each.platform),
    }))
    .filter(({ platforms }) => platforms.length > 1);
  return (
    <div className="space-y-8">
      <section aria-labelledby="try">
        <h2 id="try" className="text-lg font-semibold">
          {words.title}
        </h2>
        <p className="max-w-2xl text-pretty text-ink-2">{words.text}</p>
        {sandbox.dial > 1 ? <p className="mt-1 text-sm font-medium">{words.dial(sandbox.dial)}</p> : null}
        {maySteer ? (
          <ul className="mt-4 grid gap-3 sm:grid-cols-2 lg:grid-cols-3">
            {[...sandbox.platforms].sort(byTitle).map(({ platform }) => {
              const { title, Glyph, color } = channelStyle(platform);
              const faults = faultsOf([platform]);
              return (
                <BigPress
                  key={platform}
                  name={title}
                  color={color}
                  Sign={<Glyph aria-hidden="true" className="size-5" />}
                  down={faults.length > 0}
                  busy={busy}
                  onDown={() => take({ platform, component: 'all' }, title)}
                  onBack={() => bring(faults.map((fault) => fault.id))}
                />
              );
            })}
            {companies.map(({ company, platforms }) => {
              const faults = faultsOf(platforms);
              const name = words.company(company);
              return (
                <BigPress
                  key={company}
                  name={`all of ${name}`}
                  Sign={<FlaskConical aria-hidden="true" className="size-5" />}
                  down={platforms.every((platform) => faultsOf([platform]).length > 0)}
                  busy={busy}
                  onDown={() => take({ company, component: 'all' }, name)}
                  onBack={() => bring(faults.map((fault) => fault.id))}
                />
              );
            })}
          </ul>
        ) : (
          <p className="mt-3">{words.readOnly}</p>
        )}
      </section>
      <section aria-labelledby="down-now">
        <header className="flex flex-wrap items-center gap-3">
          <h2 id="down-now" className="flex-1 text-lg font-semibold">
            {words.downNow}
          </h2>
          {maySteer && sandbox.faults.length > 1 ? (
            <Button size="sm" busy={busy} onClick={() => bring(null)}>
              <RotateCcw aria-hidden="true" className="size-4" />
              {words.backAll}
            </Button>
          ) : null}
        </header>
        {sandbox.faults.length === 0 ? (
          <p className="py-2 text-ink-2">{words.nothing}</p>
        ) : (
          <ul>
            {sandbox.faults.map((fault) => (
              <FaultItem
                key={fault.id}
                fault={fault}
                sandbox={sandbox}
                onBack={maySteer ? () => bring([fault.id]) : null}
              />
            ))}
          </ul>
        )}
      </section>
      {maySteer ? <FinerForm sandbox={sandbox} busy={busy} take={take} /> : null}
    </div>
  );
}

/** Taking simulated platforms down and bringing them back. */
export function SandboxPage() {
  const sandbox = useSandbox(true);
  if (sandbox.data?.running) return <Panel sandbox={sandbox.data} />;
  if (sandbox.isError) return <Failed error={sandbox.error} retry={() => void sandbox.refetch()} />;
  if (sandbox.isLoading) return <SkeletonRows count={4} label={words.loading} />;
  return <Empty Sign={FlaskConical} title={words.none} text={words.noneText} />;
}
