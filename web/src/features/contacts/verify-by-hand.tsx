import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../ui/button';
import { sayDone, sayFailed } from '../../ui/toasts';
import { verifyIdentity } from './api';
import { words } from './strings';

interface VerifyByHandProps {
  contactId: string;
  identityId: string;
  proof: 'claimed' | 'invited';
}

/** A person's decision that an address is the contact's, asked twice: it can't be taken back. */
export function VerifyByHand({ contactId, identityId, proof }: VerifyByHandProps) {
  const client = useQueryClient();
  const [sure, setSure] = useState(false);
  const verify = () =>
    verifyIdentity(client, contactId, identityId)
      .then(() => sayDone(words.verified))
      .catch((error) => sayFailed(words.notSaved, error));
  return (
    <div className="mt-1 pl-5">
      {sure ? (
        <>
          <p className="text-xs text-pretty text-ink-2">{words.verifyHint[proof]}</p>
          <div className="mt-1.5 flex gap-1.5">
            <Button size="sm" onClick={() => void verify()}>
              {words.verifyYes}
            </Button>
            <Button size="sm" kind="quiet" onClick={() => setSure(false)}>
              {words.cancel}
            </Button>
          </div>
        </>
      ) : (
        <Button size="sm" kind="quiet" className="-ml-2" onClick={() => setSure(true)}>
          {words.verify}
        </Button>
      )}
    </div>
  );
}
