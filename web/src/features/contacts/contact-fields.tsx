import { Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { Button } from '../../ui/button';
import { words } from './strings';

interface ContactFieldsProps {
  fields: Record<string, unknown>;
  /** Null where nothing may be changed. */
  onSave: ((fields: Record<string, unknown>) => void) | null;
}

const show = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** Stored answers and notes, each saved when the field is left. */
export function ContactFields({ fields, onSave }: ContactFieldsProps) {
  const [adding, setAdding] = useState(false);
  const names = Object.keys(fields).sort();
  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const name = String(form.get('name')).trim();
    if (name) onSave?.({ ...fields, [name]: String(form.get('value')) });
    setAdding(false);
  };
  return (
    <>
      {names.length === 0 && !adding ? (
        <p className="text-sm text-pretty text-ink-3">{words.noFields}</p>
      ) : null}
      <dl className="space-y-1">
        {names.map((name) => (
          <div key={name} className="flex items-center gap-2">
            <dt className="w-24 shrink-0 truncate text-sm text-ink-2" title={name}>
              {name}
            </dt>
            <dd className="min-w-0 flex-1">
              <input
                key={show(fields[name])}
                defaultValue={show(fields[name])}
                aria-label={name}
                readOnly={!onSave}
                onBlur={(event) => {
                  const value = event.target.value;
                  if (value !== show(fields[name])) onSave?.({ ...fields, [name]: value });
                }}
                onKeyDown={(event) => {
                  if (event.key === 'Enter') event.currentTarget.blur();
                }}
                className="field h-7 border-transparent bg-transparent px-1.5 hover:border-line-strong"
              />
            </dd>
          </div>
        ))}
      </dl>
      {adding ? (
        <form onSubmit={add} className="mt-2 space-y-1.5">
          <input
            name="name"
            required
            maxLength={60}
            aria-label={words.fieldName}
            placeholder={words.fieldName}
            className="field h-8"
          />
          <input
            name="value"
            aria-label={words.fieldValue}
            placeholder={words.fieldValue}
            className="field h-8"
          />
          <div className="flex gap-1.5">
            <Button type="submit" size="sm" kind="primary">
              {words.save}
            </Button>
            <Button size="sm" kind="quiet" onClick={() => setAdding(false)}>
              {words.cancel}
            </Button>
          </div>
        </form>
      ) : onSave ? (
        <Button size="sm" kind="quiet" onClick={() => setAdding(true)} className="mt-1 -ml-2">
          <Plus aria-hidden="true" className="size-3.5" />
          {words.addField}
        </Button>
      ) : null}
    </>
  );
}
