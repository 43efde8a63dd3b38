import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { post } from '../../lib/api';
import { Button } from '../../ui/button';
import { CopyText } from '../../ui/copy-text';
import { Dialog } from '../../ui/dialog';
import { Tag } from '../../ui/tag';
import { sayDone } from '../../ui/toasts';
import { useSession } from '../signin/api';
import { refreshSession, type Setup } from './api';
import { Field, SendForm } from './form';
import { words } from './strings';

/** Password, then the secret, then the first code, then the recovery codes. */
function SetUp({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const session = useSession();
  const [setup, setSetup] = useState<Setup | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const begin = async (form: FormData) => {
    const password = form.get('password');
    setSetup(await post<Setup>('/session/second-factor', password ? { password } : {}));
  };
  const confirm = async (form: FormData) => {
    const body = { code: form.get('code') };
    setCodes(
      (await post<{ recovery_codes: string[] }>('/session/second-factor/confirm', body)).recovery_codes,
    );
  };
  const finish = () => {
    if (codes) void refreshSession(client).then(() => client.invalidateQueries());
    onClose();
  };
  return (
    <Dialog
      open
      title={codes ? words.recoveryTitle : words.setUpTitle}
      step={codes ? 'codes' : setup ? 'secret' : 'password'}
      onClose={finish}
    >
      {codes ? (
        <div className="space-y-4">
          <p className="text-pretty">{words.recoveryText}</p>
          <ul className="grid grid-cols-1 gap-1 rounded-lg bg-hover p-3 font-mono text-sm sm:grid-cols-2">
            {codes.map((code) => (
              <li key={code}>{code}</li>
            ))}
          </ul>
          <CopyText value={codes.join(' ')} label={words.copyCodes} />
          <Button kind="primary" onClick={finish}>
            {words.kept}
          </Button>
        </div>
      ) : setup ? (
        <SendForm send={confirm} label={words.switchOn} onCancel={onClose}>
          <p className="text-pretty">{words.scan}</p>
          <img
            src={`data:image/svg+xml;utf8,${encodeURIComponent(setup.qr_svg)}`}
            alt={words.qr}
            className="mx-auto size-48 rounded-lg border border-line"
          />
          <CopyText value={setup.secret} label={words.copySecret} />
          <Field label={words.code} name="code" required inputMode="numeric" autoComplete="one-time-code" />
        </SendForm>
      ) : (
        <SendForm send={begin} label={words.next} onCancel={onClose}>
          {session.security.password_needed ? (
            <Field
              label={words.presentPassword}
              name="password"
              type="password"
              required
              autoComplete="current-password"
            />
          ) : (
            <p className="text-pretty">{words.factorOffText}</p>
          )}
        </SendForm>
      )}
    </Dialog>
  );
}

function SwitchOff({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const send = async (form: FormData) => {
    await post('/session/second-factor/off', { code: form.get('code') });
    sayDone(words.switchedOff);
    onClose();
    void refreshSession(client);
  };
  return (
    <Dialog open title={words.switchOffTitle} description={words.switchOffText} onClose={onClose}>
      <SendForm danger send={send} label={words.switchOff} onCancel={onClose}>
        <Field label={words.codeOrRecovery} name="code" required autoComplete="one-time-code" />
      </SendForm>
    </Dialog>
  );
}

/** The person's own second factor. */
export function SecondFactor() {
  const { second_factor: on } = useSession().security;
  const [open, setOpen] = useState(false);
  return (
    <div className="flex flex-wrap items-center gap-3 border-b border-line py-4">
      <div className="min-w-0 flex-1 basis-64">
        <h3 className="flex items-center gap-2 font-medium">
          {words.factor}
          <Tag tone={on ? 'accent' : 'plain'}>{on ? words.on : words.off}</Tag>
        </h3>
        <p className="text-pretty text-ink-2">{on ? words.factorOnText : words.factorOffText}</p>
      </div>
      <Button onClick={() => setOpen(true)}>{on ? words.switchOff : words.setUp}</Button>
      {open && on ? <SwitchOff onClose={() => setOpen(false)} /> : null}
      {open && !on ? <SetUp onClose={() => setOpen(false)} /> : null}
    </div>
  );
}
