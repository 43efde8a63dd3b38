import { Link } from '@tanstack/react-router';
import { ChevronDown, Circle, CircleCheck, ExternalLink, X } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import { cx } from '../../lib/cx';
import { forgetMarks, mark } from '../../lib/tour-marks';
import { announce } from '../../realtime/announce';
import { Button, buttonClass } from '../../ui/button';
import { IconButton } from '../../ui/icon-button';
import { STEPS, type Step } from './model';
import { words } from './strings';
import { type Tour, useTour } from './use-tour';

const ACTION = cx(buttonClass('plain', 'sm'), 'no-underline');

function Action({ step, tour }: { step: Step; tour: Tour }) {
  switch (step) {
    case 'chat':
      return tour.chat ? (
        <a href={tour.chat} target="_blank" rel="noreferrer" className={ACTION}>
          {words.steps.chat.action}
          <ExternalLink aria-hidden="true" className="size-3.5" />
        </a>
      ) : null;
    case 'lead':
      return (
        <Link to="/leads" className={ACTION}>
          {words.steps.lead.action}
        </Link>
      );
    case 'down':
      return (
        <Link to="/continuity/sandbox" className={ACTION}>
          {words.steps.down.action}
        </Link>
      );
    case 'why':
      return tour.touched ? (
        <Link
          to="/inbox/$conversationId"
          params={{ conversationId: tour.touched }}
          search={{ view: 'all' }}
          className={ACTION}
        >
          {words.steps.why.action}
        </Link>
      ) : null;
    case 'counts':
      return tour.down || !tour.incident ? (
        <Link to="/continuity/sandbox" className={ACTION}>
          {words.steps.counts.action}
        </Link>
      ) : (
        <Link
          to="/continuity/incidents/$incidentId"
          params={{ incidentId: tour.incident.id }}
          className={ACTION}
        >
          {words.steps.counts.see}
        </Link>
      );
  }
}

const say = (step: Step, tour: Tour): string =>
  step === 'why' && !tour.touched ? words.steps.why.wait : words.steps[step].text;

function Steps({ tour }: { tour: Tour }) {
  return (
    <ol className="grid gap-x-6 gap-y-2 px-4 pb-3 sm:grid-cols-2 lg:grid-cols-5">
      {STEPS.map((step) => {
        const done = tour.done.has(step);
        const now = step === tour.current;
        return (
          <li key={step} aria-current={now ? 'step' : undefined} className="flex items-start gap-2 text-sm">
            {done ? (
              <CircleCheck aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-ok" />
            ) : (
              <Circle
                aria-hidden="true"
                className={cx('mt-0.5 size-4 shrink-0', now ? 'text-accent' : 'text-ink-3')}
              />
            )}
            <span>
              <span className={cx('block', now && 'font-semibold')}>
                {words.steps[step].title}
                {done ? <span className="sr-only">, {words.done}</span> : null}
              </span>
              <span className="block text-pretty text-ink-2">{words.steps[step].text}</span>
            </span>
          </li>
        );
      })}
    </ol>
  );
}

/** Says which step was just done. */
function useSpoken(done: ReadonlySet<Step>): void {
  const told = useRef(done);
  useEffect(() => {
    for (const step of done) {
      if (!told.current.has(step)) announce(words.stepDone(words.steps[step].title));
    }
    told.current = done;
  }, [done]);
}

/** Five steps through an outage in the sandbox, in one quiet line that opens into the whole list. */
export function TourStrip() {
  const tour = useTour();
  const [open, setOpen] = useState(false);
  const list = useId();
  useSpoken(tour.done);
  const { current } = tour;
  return (
    <section aria-label={words.title} className="border-b border-line bg-surface">
      <div className="flex items-center gap-x-3 px-4 py-2 max-md:gap-x-2">
        <button
          type="button"
          aria-expanded={open}
          aria-controls={list}
          aria-label={`${words.title}, ${words.count(tour.done.size, STEPS.length)}: ${words.all}`}
          onClick={() => setOpen(!open)}
          className="-ml-1 inline-flex h-7 items-center gap-1.5 rounded-md px-1 text-sm font-semibold text-accent-ink pointer-coarse:h-10"
        >
          <ChevronDown aria-hidden="true" className={cx('size-4', !open && '-rotate-90')} />
          <span className="max-md:sr-only">{words.title}</span>
          <span className="font-medium text-ink-2 tabular-nums">
            {words.count(tour.done.size, STEPS.length)}
          </span>
        </button>
        <p className="min-w-0 flex-1 text-sm text-pretty">
          {current ? (
            <>
              <span className="font-semibold">{words.steps[current].title}.</span>{' '}
              <span className="text-ink-2 max-md:sr-only">{say(current, tour)}</span>
            </>
          ) : (
            words.finished
          )}
        </p>
        {current ? (
          <Action step={current} tour={tour} />
        ) : (
          <>
            <Button size="sm" onClick={forgetMarks}>
              {words.again}
            </Button>
            <Button size="sm" kind="primary" onClick={() => mark('hidden')}>
              {words.finish}
            </Button>
          </>
        )}
        {current ? (
          <IconButton small label={words.hide} onClick={() => mark('hidden')}>
            <X aria-hidden="true" className="size-4" />
          </IconButton>
        ) : null}
      </div>
      <div id={list} hidden={!open}>
        <Steps tour={tour} />
      </div>
    </section>
  );
}
