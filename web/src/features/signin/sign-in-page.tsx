import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { ApiError, explain } from '../../lib/api';
import { cx } from '../../lib/cx';
import { Button, buttonClass } from '../../ui/button';
import { Logo } from '../../ui/logo';
import { signIn, useSso } from './api';
import { words } from './strings';

/** A path of this console; anything else is not followed. */
const safe = (next: string | undefined) => (next && /^\/[a-z]/.test(next) ? next : '/inbox');

function SsoButton({ next }: { next: string }) {
  const name = useSso().data?.name;
  if (!name) return null;
  return (
    <>
      <p className="text-center text-sm text-ink-2">{words.or}</p>
      <a
        href={`/api/v1/session/sso/start?next=${encodeURIComponent(next)}`}
        className={cx(buttonClass('plain'), 'w-full')}
      >
        {words.sso(name)}
      </a>
    </>
  );
}

/** Sign in by password, or by the link in the address. */
export function SignInPage() {
  const { token, step: stepGiven, problem, next } = useSearch({ from: '/signin' });
  const client = useQueryClient();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(Boolean(token));
  const [step, setStep] = useState<string | null>(stepGiven ?? null);
  const said = words.problems[problem ?? ''];
  const [failure, setFailure] = useState<{ title: string; nextStep: string | null } | null>(
    said ? { title: said[0], nextStep: said[1] } : null,
  );
  const used = useRef(false);
  const field = useRef<HTMLInputElement>(null);

  // Whoever comes here types next.
  useEffect(() => {
    if (!busy) field.current?.focus();
  }, [busy]);

  useEffect(() => {
    if (!token || used.current) return;
    used.current = true;
    signIn(client, { token })
      .then((second) => {
        setBusy(false);
        setStep(second);
        return second ? undefined : navigate({ to: safe(next), replace: true });
      })
      .catch(async () => {
        setBusy(false);
        setFailure({ title: words.linkFailed, nextStep: words.linkHint });
        await navigate({ to: '/signin', replace: true });
      });
  }, [token, next, client, navigate]);

  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setFailure(null);
    const how = step
      ? { token: step, code: String(form.get('code')) }
      : { email: String(form.get('email')), password: String(form.get('password')) };
    signIn(client, how)
      .then((second) => {
        setBusy(false);
        setStep(second);
        return second ? undefined : navigate({ to: safe(next), replace: true });
      })
      .catch((error: unknown) => {
        setBusy(false);
        setFailure(explain(error));
        if (error instanceof ApiError && error.code === 'sign_in_expired') setStep(null);
      });
  };

  return (
    <main className="grid min-h-dvh place-items-center p-6">
      <div className="w-full max-w-80">
        <Logo className="mb-6 size-11" />
        <h1 className="text-xl font-semibold tracking-tight">{step ? words.codeTitle : words.title}</h1>
        <p className="mt-1 mb-6 text-pretty text-ink-2">{step ? words.codeText : words.tagline}</p>
        {failure ? (
          <div role="alert" className="mb-4 rounded-lg border border-danger-line bg-danger-soft p-3 text-sm">
            <p className="font-medium text-danger">{failure.title}</p>
            {failure.nextStep ? <p className="mt-0.5 text-ink">{failure.nextStep}</p> : null}
          </div>
        ) : null}
        {token && busy ? (
          <p role="status" className="text-ink-2">
            {words.byLink}
          </p>
        ) : step ? (
          <form onSubmit={onSubmit} className="space-y-4">
            <label className="block">
              <span className="mb-1 block text-sm font-medium">{words.code}</span>
              <input
                ref={field}
                name="code"
                autoComplete="one-time-code"
                autoCapitalize="none"
                spellCheck={false}
                required
                className="field font-mono tracking-wide"
              />
            </label>
            <Button type="submit" kind="primary" busy={busy} className="w-full">
              {words.goOn}
            </Button>
            <Button kind="quiet" className="w-full" onClick={() => setStep(null)}>
              {words.startAgain}
            </Button>
          </form>
        ) : (
          <form onSubmit={onSubmit} className="space-y-4">
            <label className="block">
              <span className="mb-1 block text-sm font-medium">{words.email}</span>
              <input
                ref={field}
                name="email"
                type="email"
                autoComplete="username"
                required
                className="field"
              />
            </label>
            <label className="block">
              <span className="mb-1 block text-sm font-medium">{words.password}</span>
              <input
                name="password"
                type="password"
                autoComplete="current-password"
                required
                className="field"
              />
            </label>
            <Button type="submit" kind="primary" busy={busy} className="w-full">
              {words.signIn}
            </Button>
            <SsoButton next={safe(next)} />
          </form>
        )}
      </div>
    </main>
  );
}
