import { expect, type Page, test } from '@playwright/test';
import { noFaultsInBoth } from './faults';

const LINK = process.env.EVERTHREAD_LINK ?? '';
const STAMP = Date.now().toString(36);
/** Noticing takes a simulated minute or two, which the fast dial makes seconds; a busy machine makes it longer. */
const NOTICED_MS = 75_000;

test.describe.configure({ mode: 'serial', timeout: 240_000 });
if (!LINK) throw new Error('run it with `make e2e`: it needs a hub with a sandbox and a sign-in link');

let page: Page;

const tour = () => page.getByRole('region', { name: 'Tour' });
const banner = () => page.getByRole('region', { name: 'Incidents' });
const stands = (done: number) =>
  expect(tour().getByRole('button', { name: new RegExp(`^Tour, ${done} of 5`) })).toBeVisible({
    timeout: NOTICED_MS,
  });
const messages = () => page.getByRole('region', { name: 'Messages' });
const ours = (text: string) => messages().getByRole('article').filter({ hasText: text });

async function answer(text: string): Promise<void> {
  const field = page.getByRole('textbox', { name: 'Reply', exact: true });
  await field.fill(text);
  await field.press('Enter');
  await expect(ours(text)).toHaveCount(1);
}

test.beforeAll(async ({ browser }) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  page.on('pageerror', (error) => {
    throw error;
  });
  await page.goto(LINK);
  await expect(page).toHaveURL(/\/inbox/);
});

test.describe('the tour', () => {
  test('shows by itself, opens by keyboard, and begins with a chat', async () => {
    await stands(0);
    const all = tour().getByRole('button', { name: /^Tour/ });
    await all.focus();
    await page.keyboard.press('Enter');
    await expect(tour().getByRole('listitem')).toHaveCount(5);
    await expect(tour().locator('[aria-current="step"]')).toContainText('Write to your shop');
    await noFaultsInBoth(page);
    await page.keyboard.press('Enter');
    await expect(tour().getByRole('listitem')).toHaveCount(0);

    const opened = page.context().waitForEvent('page');
    await tour().getByRole('link', { name: 'Open the chat' }).click();
    const chat = await opened;
    await chat.getByRole('textbox').fill(`Is the blue one in stock? ${STAMP}`);
    await chat.getByRole('textbox').press('Enter');
    await expect(chat.getByText('Not sent yet')).toHaveCount(0);
    await stands(1);
    await chat.close();
  });

  test('sees the lead that came of it', async () => {
    await tour().getByRole('link', { name: 'Look at the leads' }).click();
    await expect(page).toHaveURL(/\/leads/);
    await stands(2);
  });

  test('takes Instagram down, and the banner says what is known', async () => {
    await tour().getByRole('link', { name: 'To the sandbox' }).click();
    await page.getByRole('button', { name: 'Take Instagram down' }).click();
    await stands(3);
    await expect(banner().getByText('Messages can’t be sent over Instagram')).toBeVisible({
      timeout: NOTICED_MS,
    });
    await expect(banner()).toContainText('Simulated, judged 30 times faster');
    await noFaultsInBoth(page);
  });

  test('reads why on one message', async () => {
    const link = tour().getByRole('link', { name: 'Open a conversation' });
    await expect(link).toBeVisible({ timeout: NOTICED_MS });
    await link.click();
    await answer(`On Monday again. ${STAMP}`);
    await ours(`On Monday again. ${STAMP}`).getByRole('button', { name: 'Message actions' }).click();
    await page.getByRole('menuitem', { name: 'Why this way?' }).click();
    const sheet = page.getByRole('dialog', { name: 'Why this way?' });
    await expect(sheet.getByRole('heading', { name: 'Every way to this customer' })).toBeVisible({
      timeout: NOTICED_MS,
    });
    await expect(sheet.getByText(/Instagram: inside incident \d+/)).toBeVisible();
    await noFaultsInBoth(page);
    await page.keyboard.press('Escape');
    await expect(sheet).toHaveCount(0);
    await stands(4);
  });

  test('brings it back and sees the counts', async () => {
    await tour().getByRole('link', { name: 'To the sandbox' }).click();
    await page.getByRole('button', { name: 'Bring it back: Instagram' }).click();
    await tour().getByRole('link', { name: 'See the incident' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toContainText('Instagram');
    await stands(5);
    await expect(page.getByRole('region', { name: 'What happened' })).toContainText(/Confirmed/);
    await expect(page.getByRole('region', { name: 'Conversations' })).toContainText(/carried on|wait|back/);
    await noFaultsInBoth(page);
    await expect(banner()).toHaveCount(0, { timeout: NOTICED_MS });
    await tour().getByRole('button', { name: 'End the tour' }).click();
    await expect(tour()).toHaveCount(0);
  });
});

test.describe('a held message', () => {
  const said = `The parcel left today. ${STAMP}`;

  test('nothing is carried where the policy says so', async () => {
    await page.goto('/continuity/policy');
    await page.getByRole('radio', { name: /^Wait/ }).check();
    await page.getByRole('button', { name: 'Save the policy' }).click();
    await expect(page.getByText('The policy is saved and holds from now on')).toBeVisible();
    await noFaultsInBoth(page);
  });

  test('is explained: why it waits, until when, and what one can do', async () => {
    await page.getByRole('button', { name: 'Declare an incident' }).click();
    const dialog = page.getByRole('dialog', { name: 'Declare an incident' });
    await dialog.getByLabel('What is down').selectOption({ label: 'Telegram (simulated)' });
    await noFaultsInBoth(page);
    await dialog.getByRole('button', { name: 'Declare it' }).click();
    await expect(banner().getByText('Messages can’t be sent over Telegram')).toBeVisible();
    await expect(banner()).toContainText('Declared by a person');

    await page.goto('/inbox?view=all&channel=telegram');
    await page.locator('[data-conversation]').first().click();
    await answer(said);
    const held = ours(said).getByRole('region', { name: 'Held' });
    await expect(held.getByText(/It waits, safely\./)).toBeVisible({ timeout: NOTICED_MS });
    await expect(held.getByText(/comes back to its author/)).toBeVisible();
    await expect(banner().getByText(/messages? waits?/)).toBeVisible();
    await held.getByRole('button', { name: /^Why/ }).click();
    const sheet = page.getByRole('dialog', { name: 'Why this way?' });
    await expect(sheet.getByText(/Held|Telegram/).first()).toBeVisible();
    await noFaultsInBoth(page);
    await page.keyboard.press('Escape');
    await noFaultsInBoth(page);
  });

  test('is delivered once when the fault is over', async () => {
    await banner().getByRole('link').first().click();
    await page.getByRole('main').getByRole('button', { name: 'Dismiss' }).click();
    const dialog = page.getByRole('dialog', { name: 'Dismiss this incident?' });
    await dialog.getByRole('textbox').fill('Their status page says it is fixed');
    await dialog.getByRole('button', { name: 'Dismiss' }).click();
    await expect(page.getByRole('region', { name: 'What happened' })).toContainText(
      'Their status page says it is fixed',
    );
    await expect(banner()).toHaveCount(0);
    await page.goBack();
    await expect(ours(said)).toHaveCount(1);
    const gone = ours(said).getByText(/^(Accepted|Delivered|Read)/);
    const back = ours(said).getByText(/It came back to you\. The customer wrote again/);
    await expect(gone.or(back)).toBeVisible({ timeout: NOTICED_MS });
    // A simulated customer who wrote meanwhile makes it stale: then it needs its author's word.
    if (await back.isVisible()) await ours(said).getByRole('button', { name: 'Send again' }).click();
    await expect(gone).toBeVisible({ timeout: NOTICED_MS });
    await expect(ours(said).getByRole('region', { name: 'Held' })).toHaveCount(0);
  });
});

test('every page of continuity holds on a phone', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ['', '/incidents', '/policy', '/sandbox']) {
    await page.goto(`/continuity${path}`);
    await expect(page.getByRole('heading', { level: 1, name: 'Continuity' })).toBeVisible();
    await expect(page.getByRole('status', { name: /Loading/ })).toHaveCount(0);
    await noFaultsInBoth(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, path).toBeLessThanOrEqual(390);
  }
});
