import { useEffect, useState } from 'react';
import { load, save } from '../lib/storage';
import { useMedia } from '../lib/use-media';

export type Theme = 'light' | 'dark' | 'system';

/** The chosen theme, applied to the page and kept in this browser. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => {
    const kept = load('theme');
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  });
  const systemDark = useMedia('(prefers-color-scheme: dark)');
  useEffect(() => {
    const dark = theme === 'dark' || (theme === 'system' && systemDark);
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    save('theme', theme === 'system' ? null : theme);
  }, [theme, systemDark]);
  return [theme, setTheme];
}
