import { useNavigate } from '@tanstack/react-router';
import {
  Check,
  CircleUserRound,
  Keyboard,
  LogOut,
  Map as MapSign,
  Monitor,
  Moon,
  PlugZap,
  Settings,
  Sun,
  Zap,
} from 'lucide-react';
import { useSession, useSignOut, useSwitchWorkspace } from '../features/signin/api';
import { unmark } from '../lib/tour-marks';
import { useMedia } from '../lib/use-media';
import type { LiveStatus } from '../realtime/status';
import { Avatar } from '../ui/avatar';
import { Menu, MenuGroup, MenuItem, MenuLine } from '../ui/menu';
import { words } from './strings';
import { type Theme, useTheme } from './theme';

const THEMES: { theme: Theme; Sign: typeof Sun }[] = [
  { theme: 'system', Sign: Monitor },
  { theme: 'light', Sign: Sun },
  { theme: 'dark', Sign: Moon },
];

interface AccountMenuProps {
  onHelp: () => void;
  version: string;
  live: LiveStatus;
  /** Simulated platforms run here: there is a tour. */
  sandbox: boolean;
}

/** Who is signed in; theme, workspace, help, sign out. */
export function AccountMenu({ onHelp, version, live, sandbox }: AccountMenuProps) {
  const navigate = useNavigate();
  const phone = !useMedia('(min-width: 48rem)');
  const session = useSession();
  const signOut = useSignOut();
  const switchTo = useSwitchWorkspace();
  const [theme, setTheme] = useTheme();
  return (
    <Menu
      align="end"
      side={phone ? 'top' : 'right'}
      trigger={
        <button
          type="button"
          aria-label={words.account(session.user.name)}
          className="relative flex flex-1 flex-col items-center rounded-lg px-1 py-1.5 text-2xs font-medium text-ink-2 hover:bg-active md:flex-none"
        >
          <CircleUserRound aria-hidden="true" className="size-5 md:hidden" strokeWidth={1.75} />
          <span className="md:hidden">You</span>
          <span className="relative hidden md:block">
            <Avatar name={session.user.name} seed={session.user.id} />
            <span
              className={`absolute right-0 bottom-0 size-2.5 rounded-full border-2 border-bg ${
                live === 'live' ? 'bg-ok' : 'bg-warn'
              }`}
            />
          </span>
        </button>
      }
    >
      <div className="px-2 py-1.5">
        <p className="text-sm font-medium">{session.user.name}</p>
        <p className="text-xs text-ink-2">{session.user.email}</p>
      </div>
      <MenuLine />
      {session.workspaces.length > 1 ? (
        <MenuGroup title={words.workspace}>
          {session.workspaces.map((workspace) => (
            <MenuItem
              key={workspace.id}
              onClick={() => switchTo(workspace.id)}
              aside={
                workspace.id === session.workspace_id ? (
                  <Check aria-label="current" className="size-4" />
                ) : null
              }
            >
              {workspace.name}
            </MenuItem>
          ))}
        </MenuGroup>
      ) : null}
      <MenuGroup title={words.theme}>
        {THEMES.map(({ theme: each, Sign }) => (
          <MenuItem
            key={each}
            onClick={() => setTheme(each)}
            aside={each === theme ? <Check aria-label="current" className="size-4" /> : null}
          >
            <Sign aria-hidden="true" className="size-4 text-ink-3" />
            {words.themes[each]}
          </MenuItem>
        ))}
      </MenuGroup>
      <MenuLine />
      {phone ? (
        <MenuGroup title={words.more}>
          <MenuItem onClick={() => void navigate({ to: '/automation' })}>
            <Zap aria-hidden="true" className="size-4 text-ink-3" />
            {words.automation}
          </MenuItem>
          <MenuItem onClick={() => void navigate({ to: '/channels' })}>
            <PlugZap aria-hidden="true" className="size-4 text-ink-3" />
            {words.channels}
          </MenuItem>
        </MenuGroup>
      ) : null}
      {sandbox ? (
        <MenuItem onClick={() => unmark('hidden')}>
          <MapSign aria-hidden="true" className="size-4 text-ink-3" />
          {words.tour}
        </MenuItem>
      ) : null}
      <MenuItem onClick={() => void navigate({ to: '/settings', search: {} })}>
        <Settings aria-hidden="true" className="size-4 text-ink-3" />
        {words.settings}
      </MenuItem>
      <MenuItem onClick={onHelp} aside="?">
        <Keyboard aria-hidden="true" className="size-4 text-ink-3" />
        {words.shortcuts}
      </MenuItem>
      <MenuItem onClick={signOut} aside={version}>
        <LogOut aria-hidden="true" className="size-4 text-ink-3" />
        {words.signOut}
      </MenuItem>
    </Menu>
  );
}
