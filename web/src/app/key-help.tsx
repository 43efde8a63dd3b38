import { Dialog } from '../ui/dialog';
import { Kbd } from '../ui/kbd';
import { words } from './strings';

function Keys({ title, rows }: { title: string; rows: readonly (readonly [string, string])[] }) {
  return (
    <section className="mb-5 last:mb-0">
      <h3 className="mb-1 text-sm font-semibold">{title}</h3>
      <dl>
        {rows.map(([key, what]) => (
          <div
            key={key}
            className="flex items-center justify-between border-b border-line py-1.5 last:border-0"
          >
            <dt className="text-ink-2">{what}</dt>
            <dd>
              <Kbd>{key}</Kbd>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** All keys of the console. */
export function KeyHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open onClose={onClose} title={words.shortcuts}>
      <Keys title={words.inConversation} rows={words.keys} />
      <Keys title={words.inComposer} rows={words.composerKeys} />
    </Dialog>
  );
}
