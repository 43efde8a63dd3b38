import { type Browser, expect, type Page, test } from '@playwright/test';
import { noFaultsInBoth } from './faults';

const LINK = process.env.EVERTHREAD_LINK ?? '';
const KEY = process.env.EVERTHREAD_CHAT_KEY ?? '';
const STAMP = Date.now().toString(36);

test.describe.configure({ mode: 'serial' });
if (!LINK || !KEY) throw new Error('run it with `make e2e`: it needs a hub, a sign-in link and a chat key');

let agent: Page;
let phone: Page;
let laptop: Page;
let conversation = '';
let link = '';

async function device(browser: Browser, width: number): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 844 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => {
    throw error;
  });
  return page;
}

const messages = () => agent.getByRole('region', { name: 'Messages' });

test.beforeAll(async ({ browser }) => {
  agent = await device(browser, 1440);
  phone = await device(browser, 390);
  laptop = await device(browser, 1280);
});

test('a customer follows the continuation link on a second device', async () => {
  await agent.goto(LINK);
  await expect(agent).toHaveURL(/\/inbox/);
  await phone.goto(`/chat/${KEY}`);
  await phone.getByRole('textbox').fill(`My order, please ${STAMP}`);
  await phone.getByRole('textbox').press('Enter');
  await expect(phone.getByText('Not sent yet')).toHaveCount(0);
  await agent.goto('/inbox?view=all&channel=webchat');
  const row = agent.locator('[data-conversation]').filter({ hasText: STAMP });
  await row.click();
  conversation = (await row.getAttribute('data-conversation')) ?? '';
  await expect(messages().getByText(`My order, please ${STAMP}`)).toBeVisible();

  await agent.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await agent.getByRole('button', { name: 'More', exact: true }).click();
  await agent.getByRole('menuitem', { name: 'Copy continuation link' }).click();
  await expect(agent.getByText(/Continuation link copied/)).toBeVisible();
  link = await agent.evaluate(() => navigator.clipboard.readText());
  expect(link).toMatch(/\/c\/[\w-]{22}$/);

  await laptop.goto(link);
  await noFaultsInBoth(laptop);
  await laptop.reload();
  await laptop.keyboard.press('Tab');
  await laptop.keyboard.press('Enter');
  await expect(laptop).toHaveURL(new RegExp(`/chat/${KEY}$`));
  await expect(laptop.getByText(/can’t check who you are/)).toBeVisible();
  await expect(laptop.getByText(`My order, please ${STAMP}`)).toHaveCount(0);
  await laptop.getByRole('textbox').fill(`From my laptop ${STAMP}`);
  await laptop.getByRole('textbox').press('Enter');
  const said = messages()
    .getByRole('article')
    .filter({ hasText: `From my laptop ${STAMP}` });
  await expect(said.getByText('unverified')).toBeVisible();
  await noFaultsInBoth(laptop);
  await noFaultsInBoth(agent);
});

test('a person verifies by hand, and the conversation so far shows', async () => {
  const address = agent.getByRole('listitem').filter({ hasText: 'Unverified' });
  await address.getByRole('button', { name: 'Verify by hand' }).click();
  await expect(address.getByText(/they then read the whole conversation/)).toBeVisible();
  await address.getByRole('button', { name: 'Yes, verified' }).click();
  await expect(laptop.getByText(`My order, please ${STAMP}`)).toBeVisible();
  await expect(messages().getByText('unverified')).toHaveCount(0);
  await laptop.reload();
  await expect(laptop.getByText(`From my laptop ${STAMP}`)).toBeVisible();
});

test('the same link leads nobody else in', async ({ browser }) => {
  const friend = await device(browser, 390);
  await friend.goto(link);
  await friend.getByRole('button', { name: 'Open the chat' }).click();
  await expect(friend.getByRole('heading', { name: /opened in another browser/ })).toBeVisible();
  await noFaultsInBoth(friend);
  await friend.getByRole('link', { name: 'Start a new chat' }).click();
  await expect(friend.getByText(STAMP)).toHaveCount(0);
  await agent.goto(`/inbox/${conversation}?view=all`);
  await expect(messages().getByText(`From my laptop ${STAMP}`)).toBeVisible();
});
