import type { Incident } from '../../lib/types';

export const STEPS = ['chat', 'lead', 'down', 'why', 'counts'] as const;
export type Step = (typeof STEPS)[number];

/** What is known of the hub and of what the person did. */
export interface Facts {
  chatted: boolean;
  marks: readonly string[];
}

/** Which steps are done, by what really happened. */
export function doneSteps({ chatted, marks }: Facts): ReadonlySet<Step> {
  const done = new Set<Step>();
  if (chatted) done.add('chat');
  for (const step of STEPS) if (marks.includes(step)) done.add(step);
  return done;
}

/** The first step that is not done; null at the end. */
export const currentStep = (done: ReadonlySet<Step>): Step | null =>
  STEPS.find((step) => !done.has(step)) ?? null;

/** True where an incident's counts are final enough to look at. */
export const settled = (incident: Pick<Incident, 'phase' | 'simulated'>): boolean =>
  incident.simulated && (incident.phase === 'recovering' || incident.phase === 'closed');
