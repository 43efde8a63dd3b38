import { type ComponentProps, type ReactNode, useId, useState } from 'react';
import { explain } from '../lib/api';

interface FrameProps {
  label: string;
  help?: string | undefined;
  children: (id: string, describedBy: string | undefined) => ReactNode;
}

/** A label over a control, with a line of help under it. */
export function Labelled({ label, help, children }: FrameProps) {
  const id = useId();
  const helpId = help ? `${id}-help` : undefined;
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
      </label>
      {children(id, helpId)}
      {help ? (
        <span id={helpId} className="mt-1 block text-xs text-pretty text-ink-2">
          {help}
        </span>
      ) : null}
    </div>
  );
}

interface ValueProps {
  label: string;
  value: string;
  set: (value: string) => void;
  help?: string | undefined;
}

/** One line of text under a label. */
export function TextField({
  label,
  value,
  set,
  help,
  ...rest
}: ValueProps & Omit<ComponentProps<'input'>, 'value' | 'onChange' | 'className'>) {
  return (
    <Labelled label={label} help={help}>
      {(id, describedBy) => (
        <input
          id={id}
          aria-describedby={describedBy}
          className="field"
          value={value}
          onChange={(event) => set(event.target.value)}
          {...rest}
        />
      )}
    </Labelled>
  );
}

/** Several lines of text under a label. */
export function AreaField({
  label,
  value,
  set,
  help,
  rows = 3,
  ...rest
}: ValueProps & Omit<ComponentProps<'textarea'>, 'value' | 'onChange' | 'className'>) {
  return (
    <Labelled label={label} help={help}>
      {(id, describedBy) => (
        <textarea
          id={id}
          aria-describedby={describedBy}
          rows={rows}
          className="field h-auto py-2"
          value={value}
          onChange={(event) => set(event.target.value)}
          {...rest}
        />
      )}
    </Labelled>
  );
}

/** A choice under a label. */
export function SelectField({
  label,
  value,
  set,
  help,
  children,
  ...rest
}: ValueProps & Omit<ComponentProps<'select'>, 'value' | 'onChange' | 'className'>) {
  return (
    <Labelled label={label} help={help}>
      {(id, describedBy) => (
        <select
          id={id}
          aria-describedby={describedBy}
          className="field"
          value={value}
          onChange={(event) => set(event.target.value)}
          {...rest}
        >
          {children}
        </select>
      )}
    </Labelled>
  );
}

/** The words of a text, without those that are empty. */
export const wordsOf = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean);

/** Words separated by commas. What is typed stays as it is typed: a comma at the end is the start of the next word. */
export function WordsField({
  label,
  value,
  set,
  help,
  required,
}: {
  label: string;
  value: readonly string[];
  set: (words: string[]) => void;
  help?: string;
  required?: boolean;
}) {
  const [typed, setTyped] = useState(value.join(', '));
  // Another list from outside replaces what was typed; our own typing does not.
  const same = wordsOf(typed).join('\n') === value.join('\n');
  const text = same ? typed : value.join(', ');
  return (
    <TextField
      label={label}
      help={help}
      required={required}
      value={text}
      set={(next) => {
        setTyped(next);
        set(wordsOf(next));
      }}
    />
  );
}

/** Why a form was refused, and what to do. */
export function FormError({ error, what }: { error: unknown; what?: string }) {
  if (!error) return null;
  const { title, nextStep } = explain(error);
  return (
    <div role="alert" className="rounded-lg border border-danger-line bg-danger-soft p-3 text-sm">
      <p className="font-medium text-danger">{what ? `${what}: ${title}` : title}</p>
      {nextStep ? <p>{nextStep}</p> : null}
    </div>
  );
}
