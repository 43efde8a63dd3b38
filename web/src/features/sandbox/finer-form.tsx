import { type FormEvent, useState } from 'react';
import { channelStyle } from '../../lib/channel-style';
import type { Sandbox } from '../../lib/types';
import { Button } from '../../ui/button';
import { SelectField, TextField } from '../../ui/form';
import type { Press } from './api';
import { words } from './strings';

interface Props {
  sandbox: Sandbox;
  busy: boolean;
  take: (what: Press, name: string) => void;
}

const number = (text: string): number | null => (text.trim() === '' ? null : Math.max(0, Number(text)));

/** Takes down one component, in part, for a while, for one account. */
export function FinerForm({ sandbox, busy, take }: Props) {
  const title = (platform: string) => channelStyle(platform).title;
  const [where, setWhere] = useState(`platform:${sandbox.platforms[0]?.platform ?? ''}`);
  const [component, setComponent] = useState('send');
  const [kind, setKind] = useState('');
  const [share, setShare] = useState('100');
  const [startIn, setStartIn] = useState('');
  const [lasts, setLasts] = useState('');
  const [place = '', value = ''] = where.split(':');
  const companies = [...new Set(sandbox.platforms.map((each) => each.company))];
  const accounts = sandbox.accounts.find((each) => each.id === value);
  const name =
    place === 'company' ? words.company(value) : place === 'account' ? (accounts?.name ?? '') : title(value);
  const platform = place === 'account' ? accounts?.platform : value;
  const components =
    sandbox.platforms.find((each) => each.platform === platform)?.components ??
    sandbox.platforms.find((each) => each.company === value)?.components ??
    [];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const [from, length] = [number(startIn), number(lasts)];
    take(
      {
        [place]: value,
        component,
        ...(kind ? { kind } : {}),
        share: Math.min(1, (number(share) ?? 100) / 100),
        ...(from === null ? {} : { start_in_s: Math.round(from) }),
        ...(length === null ? {} : { for_s: Math.round(length) }),
      },
      name,
    );
  };
  return (
    <details className="rounded-xl border border-line">
      <summary className="cursor-pointer rounded-xl px-4 py-3 font-semibold">{words.finer}</summary>
      <form onSubmit={submit} className="grid gap-4 border-t border-line p-4 sm:grid-cols-2 lg:grid-cols-3">
        <SelectField label={words.where} value={where} set={setWhere}>
          <optgroup label={words.platforms}>
            {sandbox.platforms.map(({ platform: each }) => (
              <option key={each} value={`platform:${each}`}>
                {title(each)}
              </option>
            ))}
          </optgroup>
          <optgroup label={words.companies}>
            {companies.map((company) => (
              <option key={company} value={`company:${company}`}>
                {words.company(company)}
              </option>
            ))}
          </optgroup>
          <optgroup label={words.accounts}>
            {sandbox.accounts.map((account) => (
              <option key={account.id} value={`account:${account.id}`}>
                {account.name}, {title(account.platform)}
              </option>
            ))}
          </optgroup>
        </SelectField>
        <SelectField label={words.what} value={component} set={setComponent}>
          {['all', ...components].map((each) => (
            <option key={each} value={each}>
              {words.components[each] ?? each}
            </option>
          ))}
        </SelectField>
        <SelectField label={words.how} value={kind} set={setKind}>
          <option value="">{words.usual}</option>
          {Object.entries(words.kinds).map(([each, text]) => (
            <option key={each} value={each}>
              {text}
            </option>
          ))}
        </SelectField>
        <TextField
          label={words.percent}
          type="number"
          min={1}
          max={100}
          required
          value={share}
          set={setShare}
        />
        <TextField label={words.inS} type="number" min={0} max={86_400} value={startIn} set={setStartIn} />
        <TextField label={words.forS} type="number" min={1} max={86_400} value={lasts} set={setLasts} />
        <div className="sm:col-span-2 lg:col-span-3">
          <Button type="submit" kind="danger" busy={busy}>
            {words.press}
          </Button>
        </div>
      </form>
    </details>
  );
}
