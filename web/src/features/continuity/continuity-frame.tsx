import { Link, Outlet } from '@tanstack/react-router';
import { Megaphone } from 'lucide-react';
import { useState } from 'react';
import { useSandbox } from '../../lib/queries';
import { Button } from '../../ui/button';
import { PageFrame } from '../../ui/page';
import { DeclareDialog } from './declare-dialog';
import { words } from './strings';
import { useMayChange } from './use-role';

const TAB =
  'flex h-9 items-center border-b-2 border-transparent px-0.5 text-sm font-medium whitespace-nowrap text-ink-2 hover:text-ink pointer-coarse:h-11';
const ACTIVE = { className: 'border-accent! text-ink!' };

/** The pages of continuity under one heading. */
export function ContinuityFrame() {
  const [declaring, setDeclaring] = useState(false);
  const mayChange = useMayChange();
  const sandbox = useSandbox();
  return (
    <PageFrame
      title={words.title}
      text={words.text}
      actions={
        mayChange ? (
          <Button onClick={() => setDeclaring(true)}>
            <Megaphone aria-hidden="true" className="size-4" />
            {words.declare}
          </Button>
        ) : null
      }
    >
      <nav aria-label={words.title} className="mb-6 flex gap-5 overflow-x-auto border-b border-line">
        <Link to="/continuity" className={TAB} activeOptions={{ exact: true }} activeProps={ACTIVE}>
          {words.tabs.health}
        </Link>
        <Link to="/continuity/incidents" className={TAB} activeProps={ACTIVE}>
          {words.tabs.incidents}
        </Link>
        <Link to="/continuity/policy" className={TAB} activeProps={ACTIVE}>
          {words.tabs.policy}
        </Link>
        {sandbox.data?.running ? (
          <Link to="/continuity/sandbox" className={TAB} activeProps={ACTIVE}>
            {words.tabs.sandbox}
          </Link>
        ) : null}
      </nav>
      <Outlet />
      {declaring ? <DeclareDialog onClose={() => setDeclaring(false)} /> : null}
    </PageFrame>
  );
}
