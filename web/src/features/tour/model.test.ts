import { expect, test } from 'vitest';
import { currentStep, doneSteps, settled } from './model';

test.each([
  ['nothing happened', false, [], 'chat'],
  ['a customer wrote', true, [], 'lead'],
  ['the lead was seen', true, ['lead'], 'down'],
  ['steps done out of order count', true, ['down', 'why'], 'lead'],
  ['hiding it is no step', true, ['hidden'], 'lead'],
  ['all of it', true, ['lead', 'down', 'why', 'counts'], null],
] as const)('the tour stands where the facts say: %s', (_, chatted, marks, step) => {
  expect(currentStep(doneSteps({ chatted, marks }))).toBe(step);
});

test.each([
  ['confirmed', true, false],
  ['recovering', true, true],
  ['closed', true, true],
  ['closed', false, false],
] as const)(
  'counts of an incident that is %s (simulated: %s) are worth a look: %s',
  (phase, simulated, is) => {
    expect(settled({ phase, simulated })).toBe(is);
  },
);
