import { useQueryClient } from '@tanstack/react-query';
import { PlugZap, Plus } from 'lucide-react';
import { useState } from 'react';
import { del } from '../../lib/api';
import { keys } from '../../lib/keys';
import { useAccounts } from '../../lib/queries';
import type { Session } from '../../lib/session';
import type { Account } from '../../lib/types';
import { Button } from '../../ui/button';
import { Dialog } from '../../ui/dialog';
import { PageFrame } from '../../ui/page';
import { Empty, Failed, SkeletonRows } from '../../ui/states';
import { sayDone, sayFailed } from '../../ui/toasts';
import { AccountItem } from './account-item';
import { AddAccount } from './add-account';
import { words } from './strings';

/** The connected accounts. */
export function ChannelsPage() {
  const client = useQueryClient();
  const accounts = useAccounts();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Account | null>(null);
  const role = client.getQueryData<Session>(keys.session)?.user.role;
  const mayChange = role === 'owner' || role === 'admin';

  const remove = (account: Account) => {
    setRemoving(null);
    del(`/accounts/${account.id}`)
      .then(() => sayDone(words.removed(account.name)))
      .catch((error: unknown) => sayFailed(words.notRemoved, error))
      .finally(() => void client.invalidateQueries({ queryKey: keys.accounts }));
  };
  const add = mayChange ? (
    <Button kind="primary" onClick={() => setAdding(true)}>
      <Plus aria-hidden="true" className="size-4" />
      {words.add}
    </Button>
  ) : null;

  return (
    <PageFrame title={words.title} text={words.text} actions={accounts.data?.length ? add : null}>
      {accounts.isPending ? (
        <SkeletonRows count={4} label={words.loading} />
      ) : accounts.isError ? (
        <Failed error={accounts.error} retry={() => void accounts.refetch()} />
      ) : accounts.data.length === 0 ? (
        <Empty Sign={PlugZap} title={words.empty} text={words.emptyText} action={add} />
      ) : (
        <ul className="border-t border-line">
          {accounts.data.map((account) => (
            <AccountItem key={account.id} account={account} onRemove={mayChange ? setRemoving : null} />
          ))}
        </ul>
      )}
      <AddAccount open={adding} onClose={() => setAdding(false)} />
      <Dialog
        open={removing !== null}
        onClose={() => setRemoving(null)}
        title={words.removeTitle(removing?.name ?? '')}
        description={words.removeText}
      >
        <div className="flex justify-end gap-2">
          <Button onClick={() => setRemoving(null)}>{words.keep}</Button>
          <Button kind="danger" onClick={() => removing && remove(removing)}>
            {words.remove}
          </Button>
        </div>
      </Dialog>
    </PageFrame>
  );
}
