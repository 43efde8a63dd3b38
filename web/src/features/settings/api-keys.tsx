import { useQueryClient } from '@tanstack/react-query';
import { KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';
import { del, post } from '../../lib/api';
import { age, full } from '../../lib/dates';
import { useNow } from '../../lib/use-now';
import { Button } from '../../ui/button';
import { CopyText } from '../../ui/copy-text';
import { Dialog } from '../../ui/dialog';
import { Empty, Failed, SkeletonRows } from '../../ui/states';
import { Tag } from '../../ui/tag';
import { sayDone } from '../../ui/toasts';
import { useSession } from '../signin/api';
import { type ApiKey, grantable, refreshApiKeys, useApiKeys } from './api';
import { Field, RoleField, SendForm } from './form';
import { words } from './strings';

function AddKey({ roles, onClose }: { roles: string[]; onClose: () => void }) {
  const client = useQueryClient();
  const [key, setKey] = useState<string | null>(null);
  const send = async (form: FormData) => {
    const body = { name: form.get('name'), role: form.get('role') };
    setKey((await post<{ key: string }>('/api-keys', body)).key);
    void refreshApiKeys(client);
  };
  return (
    <Dialog open title={words.addKeyTitle} step={key ? 'key' : 'form'} onClose={onClose}>
      {key ? (
        <div className="space-y-4">
          <p className="text-pretty">{words.keyOnce}</p>
          <CopyText value={key} label={words.copyKey} />
          <Button kind="primary" onClick={onClose}>
            {words.done}
          </Button>
        </div>
      ) : (
        <SendForm send={send} label={words.makeKey} onCancel={onClose}>
          <Field label={words.keyFor} name="name" required maxLength={200} autoComplete="off" />
          <RoleField roles={roles} />
        </SendForm>
      )}
    </Dialog>
  );
}

function Row({ item, onRevoke }: { item: ApiKey; onRevoke: () => void }) {
  const now = useNow();
  return (
    <li className="flex flex-wrap items-center gap-3 border-b border-line py-3 last:border-0">
      <div className="min-w-0 flex-1 basis-56">
        <p className="flex flex-wrap items-center gap-2">
          <span className="font-medium [overflow-wrap:anywhere]">{item.name}</span>
          <Tag>{words.roleShort[item.role] ?? item.role}</Tag>
        </p>
        <p className="flex flex-wrap gap-x-4 text-sm text-ink-2">
          <time dateTime={item.created_at}>{full(item.created_at)}</time>
          {item.created_by ? <span>{words.madeBy(item.created_by)}</span> : null}
          {item.seen_at ? (
            <time dateTime={item.seen_at} title={full(item.seen_at)}>
              {words.lastUsed}: {age(item.seen_at, now)}
            </time>
          ) : (
            <span>{words.neverUsed}</span>
          )}
        </p>
      </div>
      <Button size="sm" kind="quiet" onClick={onRevoke}>
        {words.revoke}
        <span className="sr-only"> {item.name}</span>
      </Button>
    </li>
  );
}

/** How programs sign in. */
export function ApiKeys() {
  const client = useQueryClient();
  const roles = grantable(useSession().user.role);
  const list = useApiKeys();
  const [adding, setAdding] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const revoke = async (key: ApiKey) => {
    await del(`/api-keys/${key.id}`);
    sayDone(words.revoked(key.name));
    setRevoking(null);
    void refreshApiKeys(client);
  };
  const add = (
    <Button kind="primary" onClick={() => setAdding(true)}>
      <Plus aria-hidden="true" className="size-4" />
      {words.addKey}
    </Button>
  );
  return (
    <section aria-labelledby="keys">
      <header className="mb-3 flex flex-wrap items-end gap-3">
        <div className="min-w-0 flex-1 basis-64">
          <h2 id="keys" className="text-lg font-semibold">
            {words.sections.keys}
          </h2>
          <p className="text-pretty text-ink-2">{words.keysText}</p>
        </div>
        {list.data?.length ? add : null}
      </header>
      {list.isPending ? (
        <SkeletonRows count={3} label={words.loading} />
      ) : list.isError ? (
        <Failed error={list.error} retry={() => void list.refetch()} />
      ) : list.data.length === 0 ? (
        <Empty Sign={KeyRound} title={words.noKeys} text={words.noKeysText} action={add} />
      ) : (
        <ul className="border-t border-line">
          {list.data.map((item) => (
            <Row key={item.id} item={item} onRevoke={() => setRevoking(item)} />
          ))}
        </ul>
      )}
      {adding ? <AddKey roles={roles} onClose={() => setAdding(false)} /> : null}
      {revoking ? (
        <Dialog
          open
          onClose={() => setRevoking(null)}
          title={words.revokeTitle(revoking.name)}
          description={words.revokeText}
        >
          <SendForm
            danger
            send={() => revoke(revoking)}
            label={words.revoke}
            onCancel={() => setRevoking(null)}
          />
        </Dialog>
      ) : null}
    </section>
  );
}
