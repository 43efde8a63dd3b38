import { CircleAlert, CircleCheck, CircleDashed, HeartPulse } from 'lucide-react';
import type { Phase } from '../../lib/types';
import { Tag } from '../../ui/tag';
import { words } from './strings';

const LOOK = {
  suspect: { Sign: CircleDashed, tone: 'warn' },
  confirmed: { Sign: CircleAlert, tone: 'danger' },
  recovering: { Sign: HeartPulse, tone: 'accent' },
  closed: { Sign: CircleCheck, tone: 'plain' },
} as const;

/** The sign of a phase. */
export function PhaseSign({ phase, className }: { phase: Phase; className?: string }) {
  const { Sign } = LOOK[phase];
  return <Sign aria-hidden="true" className={className ?? 'size-4'} />;
}

/** How far an incident has come. */
export function PhaseTag({ phase }: { phase: Phase }) {
  return (
    <Tag tone={LOOK[phase].tone}>
      <PhaseSign phase={phase} className="size-3" />
      {words.phases[phase]}
    </Tag>
  );
}
