import { useCallback, useState } from 'react';
import { explain, post } from '../../lib/api';
import type { ComposerLimits } from '../../lib/types';
import { sayFailed } from '../../ui/toasts';
import { type Draft, fitFile } from './composer-model';
import { composerWords as words } from './composer-strings';

interface Files {
  files: Draft[];
  add: (list: Iterable<File>) => void;
  remove: (key: string) => void;
  clear: () => void;
}

/** Files that wait in the composer; each is uploaded as soon as it is chosen. */
export function useFiles(limits: ComposerLimits | null): Files {
  const [files, setFiles] = useState<Draft[]>([]);
  const update = useCallback((key: string, change: Partial<Draft>) => {
    setFiles((all) => all.map((each) => (each.key === key ? { ...each, ...change } : each)));
  }, []);

  const add = useCallback(
    (list: Iterable<File>) => {
      if (!limits) return;
      for (const file of list) {
        const fit = fitFile(file, limits);
        if ('refused' in fit) {
          sayFailed(words.attach, new Error(words.refused[fit.refused](file.name, fit.max)));
          continue;
        }
        const key = crypto.randomUUID();
        setFiles((all) => [
          ...all,
          { key, name: file.name, kind: fit.kind, size: file.size, mediaId: null, error: null },
        ]);
        const body = new FormData();
        body.append('file', file, file.name);
        post<{ media_id: string }>('/media', body, key)
          .then(({ media_id }) => update(key, { mediaId: media_id }))
          .catch((error: unknown) => update(key, { error: explain(error).title }));
      }
    },
    [limits, update],
  );
  const remove = useCallback((key: string) => setFiles((all) => all.filter((each) => each.key !== key)), []);
  const clear = useCallback(() => setFiles([]), []);
  return { files, add, remove, clear };
}
