import { expect, test } from 'vitest';
import type { Account, ChannelSpec, Incident } from '../../lib/types';
import { scopes } from './declare-model';
import { byGravity, certainty, evidence, headline, lasted, reason } from './model';
import { millionths, money, moved, preview } from './policy-model';

const incident = (change: Partial<Incident> = {}): Incident => ({
  id: 'inc_1',
  number: 1,
  what: 'Instagram: sending fails (seen on one of our accounts only)',
  sure: '',
  shares: [{ what: 'Instagram', share: 0.71 }],
  direction: 'send',
  phase: 'confirmed',
  scope: 'channel',
  avoided: 'Meta',
  declared: false,
  simulated: false,
  since: '2026-11-23T10:00:00Z',
  confirmed_at: '2026-11-23T10:03:00Z',
  recovering_at: null,
  closed_at: null,
  ...change,
});

test.each([
  [{}, 'Messages can’t be sent over Instagram'],
  [{ phase: 'suspect', confirmed_at: null }, 'Sending over Instagram looks broken'],
  [{ phase: 'recovering', what: 'our account @acme: sending fails' }, 'Our account @acme is coming back'],
  [{ phase: 'closed' }, 'Messages could not be sent over Instagram'],
  [{ phase: 'closed', confirmed_at: null }, 'False alarm: sending over Instagram looks broken'],
  [
    { direction: 'delivery', what: 'WhatsApp: messages are accepted and do not arrive' },
    'Messages over WhatsApp are accepted and do not arrive',
  ],
] as [Partial<Incident>, string][])('an incident reads as a plain sentence', (change, sentence) => {
  expect(headline(incident(change))).toBe(sentence);
});

test.each([
  [{}, 'Probably Instagram (71\u00a0%)'],
  [{ shares: [{ what: 'Meta', share: 0.95 }] }, 'Almost surely Meta (95\u00a0%)'],
  [{ shares: [{ what: 'our account @acme', share: 0.4 }] }, 'Perhaps our account @acme (40\u00a0%)'],
  [{ shares: [] }, 'Being weighed'],
  [{ declared: true }, 'Declared by a person'],
] as [Partial<Incident>, string][])('certainty is told as ours', (change, text) => {
  expect(certainty(incident(change))).toBe(text);
});

test('the gravest stands first, and an incident that is over lasts no longer', () => {
  const all = [
    incident({ number: 1, phase: 'suspect' }),
    incident({ number: 2 }),
    incident({ number: 3, phase: 'recovering' }),
    incident({ number: 4 }),
  ];
  expect(byGravity(all).map((each) => each.number)).toEqual([4, 2, 1, 3]);
  const over = incident({ phase: 'closed', closed_at: '2026-11-23T10:12:00Z' });
  expect(lasted(over, Date.parse('2026-11-24T00:00:00Z'))).toBe(12 * 60_000);
});

test.each([
  ['send', 4, 1, 'Messages that we sent: 4 failed, 1 got through.'],
  ['edge', 0, 54, 'Its servers: answered 54 times.'],
  ['token', 1, 0, 'Our sign-in: refused once.'],
  ['comet', 4, 1, 'comet: 4 bad signs, 1 good signs.'],
])('evidence of %s is told in words', (signal, bad, good, text) => {
  expect(evidence({ account: 'Shop', detail: '', signal, bad, good })).toBe(text);
});

test.each([
  ['Held: no other way to this customer is allowed.', 'No other way to this customer is allowed.'],
  ['Held for now: many disturbances are over within minutes.', 'Many disturbances are over within minutes.'],
  ['Held until the quiet hours end.', 'Until the quiet hours end.'],
])('%s under a heading that says so', (decision, text) => {
  expect(reason(decision)).toBe(text);
});

const account = (id: string, channel: string, sandbox = false) =>
  ({ id, name: `Shop ${id}`, channel, sandbox }) as Account;
const spec = (name: string, fate: string[]) => ({ name, title: name.toUpperCase(), fate }) as ChannelSpec;

test('what can be declared: channels, companies with several of ours, accounts; never our own web chat', () => {
  const specs = [
    spec('instagram', ['meta']),
    spec('whatsapp', ['meta']),
    spec('sms', ['acme']),
    spec('web', ['self']),
  ];
  const groups = scopes(
    [account('1', 'instagram'), account('2', 'whatsapp'), account('3', 'sms'), account('4', 'web')],
    specs,
  );
  expect(groups.map(({ options }) => options.map(({ label }) => label))).toEqual([
    ['INSTAGRAM', 'WHATSAPP', 'SMS'],
    ['Meta'],
    ['Shop 1, INSTAGRAM', 'Shop 2, WHATSAPP', 'Shop 3, SMS'],
  ]);
  const apart = scopes([account('1', 'instagram'), account('2', 'whatsapp', true)], specs);
  expect(apart[1]?.options.map(({ label }) => label)).toEqual([
    'Shop 1, INSTAGRAM',
    'Shop 2, WHATSAPP (simulated)',
  ]);
});

test.each([
  ['', null],
  ['0.05', 50_000],
  ['0,05', 50_000],
  ['x', undefined],
  ['-1', undefined],
] as const)('an amount is read as it is typed: %j', (typed, kept) => {
  expect(millionths(typed)).toBe(kept);
  if (kept !== undefined) expect(millionths(money(kept))).toBe(kept);
});

test('the first line is filled in with names, and other braces stay', () => {
  expect(preview('{{channel}}: {{ business }} {{ x }}', 'Instagram', 'Acme')).toBe('Instagram: Acme {{ x }}');
  expect(moved(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c']);
  expect(moved(['a', 'b', 'c'], 2, -1)).toEqual(['a', 'c', 'b']);
});
