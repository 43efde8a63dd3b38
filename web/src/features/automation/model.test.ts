import { expect, test } from 'vitest';
import { blank, sentence, TEMPLATES, tidy } from './model';

test.each([
  [
    {
      trigger: { type: 'keyword', words: ['price', 'cost'] },
      conditions: [{ type: 'channel', any_of: ['instagram'] }],
    },
    'When somebody writes “price” or “cost” on instagram: reply “Hello”.',
  ],
  [
    { trigger: { type: 'first_contact' }, stop: true },
    'When somebody writes for the first time: reply “Hello”; later rules are not looked at.',
  ],
  [{ trigger: { type: 'postback', payload: 'BUY' } }, 'When the button BUY is pressed: reply “Hello”.'],
] as const)('a rule reads as a sentence', (part, expected) => {
  const actions = [{ type: 'reply' as const, text: 'Hello' }];
  expect(sentence({ actions, ...part } as never)).toBe(expected);
});

test('every template reads as a sentence and goes to the API without empty fields', () => {
  for (const template of TEMPLATES) expect(sentence(template)).toMatch(/^When .*\.$/);
  const asked = tidy({
    name: ' x ',
    enabled: true,
    trigger: { type: 'message' },
    actions: [blank('ask', [])],
  });
  expect(asked.name).toBe('x');
  expect(asked.actions).toEqual([{ type: 'ask', text: '', field: 'email', kind: 'email' }]);
});
