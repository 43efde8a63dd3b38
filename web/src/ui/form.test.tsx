import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { expect, test } from 'vitest';
import { render } from '../testing/render';
import { WordsField } from './form';

function Words({ start }: { start: string[] }) {
  const [words, setWords] = useState(start);
  return (
    <>
      <WordsField label="Labels" value={words} set={setWords} />
      <output>{words.join('|')}</output>
      <button type="button" onClick={() => setWords(['other'])}>
        Replace
      </button>
    </>
  );
}

test.each([
  ['a,', 'a,', 'a'],
  ['vip, late ', 'vip, late ', 'vip|late'],
  [',,', ',,', ''],
])('typing %j keeps the text as it is typed', async (typed, text, words) => {
  render(<Words start={[]} />);
  const field = screen.getByLabelText<HTMLInputElement>('Labels');
  await userEvent.type(field, typed);
  expect(field.value).toBe(text);
  expect(screen.getByRole('status').textContent).toBe(words);
});

test('another list from outside replaces what was typed', async () => {
  render(<Words start={['one', 'two']} />);
  const field = screen.getByLabelText<HTMLInputElement>('Labels');
  expect(field.value).toBe('one, two');
  await userEvent.type(field, ', three');
  await userEvent.click(screen.getByRole('button', { name: 'Replace' }));
  expect(field.value).toBe('other');
});
