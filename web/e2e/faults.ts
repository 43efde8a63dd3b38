import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** Fails with what axe finds on the page. */
export async function noFaults(page: Page): Promise<void> {
  // No page here has frames: without a second tab to join their results in, a run takes half the time.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  expect(
    violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.target).join(' | ')}`),
  ).toEqual([]);
}

/** The same in the light and in the dark theme. */
export async function noFaultsInBoth(page: Page): Promise<void> {
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await noFaults(page);
  }
}
