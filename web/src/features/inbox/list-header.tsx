import { ChevronDown, ListFilter as FilterSign, Search, X } from 'lucide-react';
import { type RefObject, useEffect, useState } from 'react';
import { channelStyle } from '../../lib/channel-style';
import { compact } from '../../lib/i18n';
import type { ListFilter } from '../../lib/keys';
import { useAccounts, useLabels } from '../../lib/queries';
import type { Counts, View } from '../../lib/types';
import { buttonClass } from '../../ui/button';
import { Menu, MenuCheck, MenuGroup, MenuItem, MenuLine } from '../../ui/menu';
import { words } from './strings';
import { VIEWS } from './views-pane';

const TYPING_MS = 200;

interface ListHeaderProps {
  filter: ListFilter;
  counts: Counts | undefined;
  onChange: (filter: Partial<ListFilter>) => void;
  searchRef: RefObject<HTMLInputElement | null>;
}

function FilterMenu({ filter, onChange }: Pick<ListHeaderProps, 'filter' | 'onChange'>) {
  const accounts = useAccounts();
  const labels = useLabels();
  const channels = [...new Set((accounts.data ?? []).map((account) => account.channel))];
  const on = Boolean(filter.channel || filter.label);
  return (
    <Menu
      trigger={
        <button
          type="button"
          aria-label={on ? words.filterOn : words.filter}
          className={`${buttonClass('quiet', 'icon')} relative`}
        >
          <FilterSign aria-hidden="true" className="size-4" />
          {on ? <span className="absolute top-1.5 right-1.5 size-2 rounded-full bg-accent" /> : null}
        </button>
      }
    >
      <MenuGroup title={words.channel}>
        {channels.map((channel) => (
          <MenuCheck
            key={channel}
            checked={filter.channel === channel}
            onChange={(checked) => onChange({ channel: checked ? channel : undefined })}
          >
            {channelStyle(channel).title}
          </MenuCheck>
        ))}
      </MenuGroup>
      <MenuGroup title={words.label}>
        {labels.data?.length ? null : <p className="px-2 pb-2 text-sm text-ink-3">{words.noLabels}</p>}
        {labels.data?.map((label) => (
          <MenuCheck
            key={label}
            checked={filter.label === label}
            onChange={(checked) => onChange({ label: checked ? label : undefined })}
          >
            {label}
          </MenuCheck>
        ))}
      </MenuGroup>
      {on ? (
        <>
          <MenuLine />
          <MenuItem onClick={() => onChange({ channel: undefined, label: undefined })}>
            {words.clearFilters}
          </MenuItem>
        </>
      ) : null}
    </Menu>
  );
}

function ViewMenu({ filter, counts, onChange }: Omit<ListHeaderProps, 'searchRef'>) {
  const pick = (view: View) => onChange({ view });
  return (
    <Menu
      align="start"
      trigger={
        <button
          type="button"
          className={'flex h-8 items-center gap-1.5 rounded-lg px-2 text-lg font-semibold hover:bg-hover'}
        >
          {words.views[filter.view]}
          <span className="text-sm font-normal text-ink-3 tabular-nums">
            {counts ? compact(counts[filter.view]) : ''}
          </span>
          <ChevronDown aria-hidden="true" className="size-4" />
        </button>
      }
    >
      {VIEWS.map(({ view, Sign }) => (
        <MenuItem key={view} onClick={() => pick(view)} aside={counts ? compact(counts[view]) : ''}>
          <Sign aria-hidden="true" className="size-4 text-ink-3" />
          {words.views[view]}
        </MenuItem>
      ))}
    </Menu>
  );
}

/** Search, filters and (on narrow screens) the choice of view. */
export function ListHeader({ filter, counts, onChange, searchRef }: ListHeaderProps) {
  const [text, setText] = useState(filter.q ?? '');
  useEffect(() => setText(filter.q ?? ''), [filter.q]);
  useEffect(() => {
    const q = text.trim() || undefined;
    if (q === filter.q) return;
    const timer = setTimeout(() => onChange({ q }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, filter.q, onChange]);

  return (
    <div className="border-b border-line px-3 py-2.5">
      <div className="mb-2 flex items-center gap-1 xl:hidden">
        <ViewMenu filter={filter} counts={counts} onChange={onChange} />
      </div>
      <div className="flex items-center gap-1">
        <div className="relative min-w-0 flex-1">
          <Search
            aria-hidden="true"
            className="absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-ink-3"
          />
          <input
            ref={searchRef}
            type="search"
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Escape') return;
              event.preventDefault();
              setText('');
              event.currentTarget.blur();
            }}
            placeholder={words.search}
            aria-label={words.search}
            className="field h-8 px-8 [&::-webkit-search-cancel-button]:hidden"
          />
          {text ? (
            <button
              type="button"
              aria-label={words.clear}
              onClick={() => setText('')}
              className="absolute top-1/2 right-1 grid size-6 -translate-y-1/2 place-items-center rounded text-ink-3 hover:text-ink"
            >
              <X aria-hidden="true" className="size-3.5" />
            </button>
          ) : null}
        </div>
        <FilterMenu filter={filter} onChange={onChange} />
      </div>
    </div>
  );
}
