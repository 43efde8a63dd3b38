import { type Browser, expect, type Page, test } from '@playwright/test';
import { noFaults } from './faults';

const LINK = process.env.EVERTHREAD_LINK ?? '';
const KEY = process.env.EVERTHREAD_CHAT_KEY ?? '';
const STAMP = Date.now().toString(36);

test.describe.configure({ mode: 'serial' });
if (!LINK || !KEY) throw new Error('run it with `make e2e`: it needs a hub, a sign-in link and a chat key');

let console_: Page;
let chat: Page;
let conversation = '';

async function newPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => {
    throw error;
  });
  return page;
}

const LIST = '?view=all&channel=webchat';
const rows = (page: Page) => page.locator('[data-conversation]');
const row = (page: Page) => page.locator(`[data-conversation="${conversation}"]`);
const idOf = (element: Element) => element.getAttribute('data-conversation') ?? '';
const messages = (page: Page) => page.getByRole('region', { name: 'Messages' });
const reply = (page: Page) => page.getByRole('textbox', { name: 'Reply', exact: true });

test.beforeAll(async ({ browser }) => {
  console_ = await newPage(browser);
  chat = await newPage(browser);
});

test('the link signs the owner in', async () => {
  await console_.goto(LINK);
  await expect(console_).toHaveURL(/\/inbox/);
  await expect(console_.getByRole('navigation', { name: 'Views' })).toBeVisible();
});

test('a customer writes in the web chat and shows in the console at once', async () => {
  await console_.goto(`/inbox${LIST}`);
  await expect(console_.getByRole('status', { name: /Loading/ })).toHaveCount(0);
  const before = await rows(console_).evaluateAll((all) =>
    all.map((each) => each.getAttribute('data-conversation')),
  );

  await chat.goto(`/chat/${KEY}`);
  const field = chat.getByRole('textbox');
  await field.fill(`Hello from the shop window ${STAMP}`);
  await field.press('Enter');
  await expect(chat.getByText(`Hello from the shop window ${STAMP}`)).toBeVisible();
  await expect(chat.getByText('Not sent yet')).toHaveCount(0);

  await expect(async () => {
    conversation = await rows(console_).first().evaluate(idOf);
    expect(before).not.toContain(conversation);
  }).toPass();
});

test('the answer arrives in the chat live and is shown as delivered or accepted', async () => {
  await row(console_).click();
  await expect(messages(console_).getByText(`Hello from the shop window ${STAMP}`)).toBeVisible();
  await reply(console_).fill(`Welcome! ${STAMP}`);
  await reply(console_).press('Enter');
  await expect(messages(console_).getByText(`Welcome! ${STAMP}`)).toHaveCount(1);
  await expect(chat.getByText(`Welcome! ${STAMP}`)).toBeVisible();
  await expect(
    messages(console_)
      .getByText(/^(Accepted|Delivered|Read)/)
      .last(),
  ).toBeVisible();

  await chat.getByRole('textbox').fill(`Second question ${STAMP}`);
  await chat.getByRole('textbox').press('Enter');
  await expect(messages(console_).getByText(`Second question ${STAMP}`)).toBeVisible();
});

test('a note stays with the team', async () => {
  await console_.getByRole('button', { name: 'Note', exact: true }).click();
  const note = console_.getByRole('textbox', { name: 'Note for the team' });
  await note.fill(`Only for us ${STAMP}`);
  await note.press('Enter');
  await expect(messages(console_).getByText(`Only for us ${STAMP}`)).toBeVisible();
  await chat.reload();
  await expect(chat.getByText(`Welcome! ${STAMP}`)).toBeVisible();
  await expect(chat.getByText(`Only for us ${STAMP}`)).toHaveCount(0);
});

test('the keyboard alone assigns, resolves, takes back, searches and moves', async () => {
  await console_.keyboard.press('Escape');
  await console_.keyboard.press('a');
  await expect(console_.getByRole('button', { name: 'Assign: Me' })).toBeVisible();

  await console_.keyboard.press('e');
  await expect(console_.getByRole('button', { name: 'Reopen' })).toBeVisible();
  await console_.keyboard.press('e');
  await expect(console_.getByRole('button', { name: 'Resolve' })).toBeVisible();

  await console_.keyboard.press('?');
  await expect(console_.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await console_.keyboard.press('Escape');
  await expect(console_.getByRole('dialog', { name: 'Keyboard shortcuts' })).toHaveCount(0);

  await console_.keyboard.press('r');
  await expect(reply(console_)).toBeFocused();
  await console_.keyboard.press('Escape');
  await console_.keyboard.press('n');
  await expect(console_.getByRole('textbox', { name: 'Note for the team' })).toBeFocused();
  await console_.keyboard.press('Escape');

  await console_.keyboard.press('/');
  await expect(console_.getByRole('searchbox', { name: 'Search conversations' })).toBeFocused();
  await console_.keyboard.type(STAMP);
  await expect(console_).toHaveURL(/q=/);
  await expect(row(console_)).toBeVisible();
  await console_.keyboard.press('Escape');

  await console_.keyboard.press('Escape');
  await expect(console_).toHaveURL(/\/inbox(\?|$)/);
  await console_.keyboard.press('j');
  await expect(console_).toHaveURL(/\/inbox\/conv_/);
});

test('what was written without a connection goes out when it is back, once', async () => {
  await chat.context().setOffline(true);
  await chat.getByRole('textbox').fill(`Written in a tunnel ${STAMP}`);
  await chat.getByRole('textbox').press('Enter');
  await expect(chat.getByText('Not sent yet')).toBeVisible();
  await chat.context().setOffline(false);
  await expect(chat.getByText('Not sent yet')).toHaveCount(0);
  await console_.goto(`/inbox/${conversation}${LIST}`);
  await expect(messages(console_).getByText(`Written in a tunnel ${STAMP}`)).toHaveCount(1);
});

for (const theme of ['light', 'dark'] as const) {
  test(`no accessibility faults, ${theme}`, async () => {
    for (const page of [console_, chat]) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      await noFaults(page);
    }
    for (const path of ['/leads', '/automation', '/channels', '/problems']) {
      await console_.goto(path);
      await expect(console_.getByRole('heading', { level: 1 })).toBeVisible();
      await expect(console_.getByRole('status', { name: /Loading/ })).toHaveCount(0);
      await noFaults(console_);
    }
    await console_.goto(`/inbox/${conversation}${LIST}`);
    await expect(messages(console_).getByText(`Welcome! ${STAMP}`)).toBeVisible();
  });
}

test('on a phone one pane shows at a time, with a way back', async () => {
  await console_.setViewportSize({ width: 390, height: 844 });
  await expect(messages(console_)).toBeVisible();
  await expect(row(console_)).toBeHidden();
  await console_.getByRole('button', { name: 'Back to the list' }).click();
  await expect(row(console_)).toBeVisible();
  await expect(messages(console_)).toHaveCount(0);
});
