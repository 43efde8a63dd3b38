import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { PageFrame } from '../../ui/page';
import { useSession } from '../signin/api';
import { ApiKeys } from './api-keys';
import { People } from './people';
import { Security } from './security';
import { words } from './strings';

const SECTIONS = ['people', 'keys', 'security'] as const;

/** People, API keys, security. */
export function SettingsPage() {
  const { section } = useSearch({ from: '/app/settings' });
  const { user, security } = useSession();
  const admin = user.role === 'owner' || user.role === 'admin';
  const locked = security.second_factor_required && !security.second_factor;
  // Somebody who just came by a link chooses a password first, and stays here when it is chosen.
  const [first] = useState(security.has_password ? 'people' : 'security');
  const shown = locked ? 'security' : (section ?? first);
  return (
    <PageFrame title={words.title}>
      <nav aria-label={words.title} className="mb-6 flex gap-1 border-b border-line">
        {SECTIONS.filter((each) => admin || each !== 'keys').map((each) => (
          <Link
            key={each}
            to="/settings"
            search={{ section: each }}
            aria-current={each === shown ? 'page' : undefined}
            className={`-mb-px border-b-2 px-3 py-2 font-medium ${
              each === shown ? 'border-accent text-ink' : 'border-transparent text-ink-2 hover:text-ink'
            }`}
          >
            {words.sections[each]}
          </Link>
        ))}
      </nav>
      {shown === 'people' ? <People /> : shown === 'keys' && admin ? <ApiKeys /> : <Security />}
    </PageFrame>
  );
}
