import { useState } from 'react';
import { TextField } from '../../ui/form';
import { millionths, money, type Policy } from './policy-model';
import { words } from './policy-strings';

function Amount({
  label,
  value,
  set,
}: {
  label: string;
  value: number | null | undefined;
  set: (value: number | null) => void;
}) {
  const [typed, setTyped] = useState(money(value));
  const read = millionths(typed);
  // What is typed stays as it is typed while it means what is kept.
  const shown = read === undefined || read === (value ?? null) ? typed : money(value);
  return (
    <TextField
      label={label}
      inputMode="decimal"
      placeholder={words.noLimit}
      aria-invalid={read === undefined}
      help={read === undefined ? words.notAmount : undefined}
      value={shown}
      set={(next) => {
        setTyped(next);
        const amount = millionths(next);
        if (amount !== undefined) set(amount);
      }}
    />
  );
}

/** What carrying on may cost. */
export function Costs({
  ours,
  title,
  policy,
  change,
}: {
  ours: string[];
  title: (channel: string) => string;
  policy: Policy;
  change: (part: Partial<Policy>) => void;
}) {
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <Amount
        label={words.costMessage}
        value={policy.cost_message_max}
        set={(cost_message_max) => change({ cost_message_max })}
      />
      <Amount
        label={words.costIncident}
        value={policy.cost_incident_max}
        set={(cost_incident_max) => change({ cost_incident_max })}
      />
      {ours
        .filter((channel) => channel !== 'webchat')
        .map((channel) => (
          <Amount
            key={channel}
            label={words.price(title(channel))}
            value={policy.costs[channel]}
            set={(cost) => {
              const { [channel]: _, ...rest } = policy.costs;
              change({ costs: cost === null ? rest : { ...rest, [channel]: cost } });
            }}
          />
        ))}
    </div>
  );
}
