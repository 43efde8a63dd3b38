import type { Account, ChannelSpec } from '../../lib/types';
import { words } from './strings';

export interface ScopeGroup {
  title: string;
  options: { value: string; label: string }[];
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** What can be declared down: channels, companies with several of our channels, single accounts. */
export function scopes(accounts: readonly Account[], specs: readonly ChannelSpec[]): ScopeGroup[] {
  const spec = (channel: string) => specs.find((each) => each.name === channel);
  const title = (channel: string) => spec(channel)?.title ?? channel;
  // The web chat is our own house: nobody can declare it down.
  const watched = accounts.filter((account) => !spec(account.channel)?.fate.includes('self'));
  const option = (label: string, simulated: boolean, scope: object) => ({
    value: JSON.stringify({ ...scope, simulated }),
    label: simulated ? words.simulatedOnly(label) : label,
  });
  const once = (options: ScopeGroup['options']) => [
    ...new Map(options.map((each) => [each.value, each])).values(),
  ];
  const channelsIn = (company: string, sandbox: boolean) =>
    new Set(
      watched
        .filter((each) => each.sandbox === sandbox && spec(each.channel)?.fate.includes(company))
        .map((each) => each.channel),
    ).size;
  const groups: ScopeGroup[] = [
    {
      title: words.channels,
      options: once(watched.map(({ channel, sandbox }) => option(title(channel), sandbox, { channel }))),
    },
    {
      title: words.companies,
      options: once(
        watched.flatMap(({ channel, sandbox }) =>
          (spec(channel)?.fate ?? [])
            .filter((company) => channelsIn(company, sandbox) > 1)
            .map((company) => option(capital(company), sandbox, { company })),
        ),
      ),
    },
    {
      title: words.accounts,
      options: once(
        watched.map(({ id, name, channel, sandbox }) =>
          option(`${name}, ${title(channel)}`, sandbox, { account: id }),
        ),
      ),
    },
  ];
  return groups.filter((group) => group.options.length > 0);
}
