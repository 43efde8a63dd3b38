import { Trash2 } from 'lucide-react';
import { Button } from '../../ui/button';
import { TextField } from '../../ui/form';
import { IconButton } from '../../ui/icon-button';
import type { OpenHours, Policy } from './policy-model';
import { words } from './policy-strings';

const DAYS = Object.keys(words.days);
const NIGHT: OpenHours = { days: DAYS, from: '21:00', to: '08:00' };

function Hours({
  hours,
  number,
  set,
  remove,
}: {
  hours: OpenHours;
  number: number;
  set: (hours: OpenHours) => void;
  remove: (() => void) | null;
}) {
  return (
    <fieldset className="space-y-3 rounded-xl border border-line p-3">
      <legend className="sr-only">{words.hours(number)}</legend>
      <div className="flex flex-wrap gap-x-3 gap-y-1.5">
        {DAYS.map((day) => (
          <label key={day} className="flex items-center gap-1.5 text-sm">
            <input
              type="checkbox"
              checked={hours.days.includes(day)}
              onChange={(event) =>
                set({
                  ...hours,
                  days: DAYS.filter((each) =>
                    each === day ? event.target.checked : hours.days.includes(each),
                  ),
                })
              }
              className="size-4 accent-accent"
            />
            {words.days[day]}
          </label>
        ))}
      </div>
      <div className="flex items-end gap-3">
        <TextField
          label={words.from}
          type="time"
          required
          value={hours.from}
          set={(from) => set({ ...hours, from })}
        />
        <TextField
          label={words.to}
          type="time"
          required
          value={hours.to}
          set={(to) => set({ ...hours, to })}
        />
        {remove ? (
          <IconButton label={words.removeHours(number)} onClick={remove}>
            <Trash2 aria-hidden="true" className="size-4" />
          </IconButton>
        ) : null}
      </div>
    </fieldset>
  );
}

/** The hours in which nobody is written to elsewhere who does not wait just now. */
export function QuietHours({
  quiet,
  set,
}: {
  quiet: Policy['quiet'];
  set: (quiet: Policy['quiet']) => void;
}) {
  const put = (open: OpenHours[]) => quiet && set({ ...quiet, open });
  return (
    <>
      <label className="flex items-center gap-2.5">
        <input
          type="checkbox"
          checked={quiet !== null}
          onChange={(event) =>
            set(
              event.target.checked
                ? { tz: Intl.DateTimeFormat().resolvedOptions().timeZone, open: [NIGHT] }
                : null,
            )
          }
          className="size-4 accent-accent"
        />
        {words.quietOn}
      </label>
      {quiet ? (
        <>
          <div className="max-w-72">
            <TextField
              label={words.zone}
              required
              spellCheck={false}
              value={quiet.tz}
              set={(tz) => set({ ...quiet, tz })}
            />
          </div>
          {quiet.open.map((hours, at) => (
            <Hours
              // biome-ignore lint/suspicious/noArrayIndexKey: hours have no id; their place is what tells them apart
              key={at}
              hours={hours}
              number={at + 1}
              set={(next) => put(quiet.open.map((each, n) => (n === at ? next : each)))}
              remove={quiet.open.length > 1 ? () => put(quiet.open.filter((_, n) => n !== at)) : null}
            />
          ))}
          <Button size="sm" onClick={() => put([...quiet.open, NIGHT])}>
            {words.addHours}
          </Button>
        </>
      ) : null}
    </>
  );
}
