import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../ui/button';
import { AreaField, TextField } from '../../ui/form';
import { IconButton } from '../../ui/icon-button';
import { DEFAULT_LINE, preview } from './policy-model';
import { words } from './policy-strings';

interface Props {
  lines: Record<string, string>;
  channel: string;
  business: string;
  set: (lines: Record<string, string>) => void;
}

const language = (key: string) => (key === '*' ? words.everyone : key);

/** What is said first on the other channel, by language, as the customer reads it. */
export function Lines({ lines, channel, business, set }: Props) {
  const [adding, setAdding] = useState('');
  const keys = ['*', ...Object.keys(lines).filter((key) => key !== '*')];
  const wanted = adding.trim().toLowerCase();
  const put = (key: string, line: string) => {
    const { [key]: _, ...rest } = lines;
    // Without a line of its own, everybody reads the hub's.
    set(key === '*' && line.trim() === '' ? rest : { ...rest, [key]: line });
  };
  const remove = (key: string) => {
    const { [key]: _, ...rest } = lines;
    set(rest);
  };
  return (
    <div className="space-y-4">
      {keys.map((key) => (
        <div key={key} className="flex items-start gap-2">
          <div className="min-w-0 flex-1">
            <AreaField
              label={words.line(language(key))}
              rows={2}
              required={key !== '*'}
              maxLength={500}
              placeholder={DEFAULT_LINE}
              value={lines[key] ?? ''}
              set={(line) => put(key, line)}
            />
            <p className="mt-1.5 text-sm text-ink-2">
              {words.preview}:{' '}
              <q className="text-ink">{preview(lines[key] || DEFAULT_LINE, channel, business)}</q>
            </p>
          </div>
          {key === '*' ? null : (
            <IconButton label={words.removeLine(key)} onClick={() => remove(key)}>
              <Trash2 aria-hidden="true" className="size-4" />
            </IconButton>
          )}
        </div>
      ))}
      <div className="flex flex-wrap items-end gap-2">
        <div className="w-56">
          <TextField
            label={words.newLanguage}
            value={adding}
            set={setAdding}
            pattern="[A-Za-z]{2,3}(-[A-Za-z]{2,4})?"
            spellCheck={false}
          />
        </div>
        <Button
          disabled={!/^[a-z]{2,3}(-[a-z]{2,4})?$/.test(wanted) || wanted in lines}
          onClick={() => {
            put(wanted, lines['*'] || DEFAULT_LINE);
            setAdding('');
          }}
        >
          {words.addLine}
        </Button>
      </div>
    </div>
  );
}
