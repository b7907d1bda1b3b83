/** The page itself: the first minute, the phone, the keyboard, and the word of a machine about access. */
import AxeBuilder from '@axe-core/playwright';

import { expectNoSidewaysScroll, signIn } from '../support/page.js';
import { eventually } from '../support/process.js';
import { administrator } from '../support/watchkeeper.js';
import { expect, test } from '../support/world.js';

test('nothing is shown before the login, and a wrong password opens nothing', async ({ world, page }) => {
  await page.goto(`${world.watchkeeper.page}/dashboard/operations`);
  await page.getByLabel('Name').fill(administrator.username);
  await page.getByLabel('Password', { exact: true }).fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Fleet' })).toHaveCount(0);
});

test('the set-up link works once', async ({ world }) => {
  const token = new URL(world.watchkeeper.setupLink).searchParams.get('token');
  const again = await fetch(`${world.watchkeeper.api}/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, username: 'mallory', password: 'another long password' }),
  });
  expect(again.status).toBeGreaterThanOrEqual(400);
});

for (const colorScheme of ['dark', 'light'] as const) {
  test(`the operations view has no accessibility faults in ${colorScheme}`, async ({ world, browser }) => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 1440, height: 1000 } });
    const page = await context.newPage();
    await signIn(page, world.watchkeeper.page);
    await expect(page.getByRole('region', { name: 'This host' })).toContainText('CPU');
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
    await context.close();
  });
}

test('the page fits a phone', async ({ world, browser }) => {
  const context = await browser.newContext({ viewport: { width: 360, height: 760 }, hasTouch: true });
  const page = await context.newPage();
  await signIn(page, `${world.watchkeeper.page}/mobile`);
  await expectNoSidewaysScroll(page);
  await context.close();
});

test('the page says when it no longer hears anything, and recovers by itself', async ({ world, page }) => {
  const { watchkeeper } = world;
  await signIn(page, watchkeeper.page);
  const live = page.locator('header .pulse');
  await expect(live).toContainText('live');
  await watchkeeper.stop('SIGKILL');
  await expect(live).not.toContainText('live,', { timeout: 30_000 });
  await watchkeeper.resume();
  await expect(live).toContainText('live', { timeout: 30_000 });
});

test('what was measured before kill -9 is there after it', async ({ world }) => {
  const { watchkeeper } = world;
  for (let round = 0; round < 3; round += 1) {
    const count = 'count_over_time(node_load1[10m])';
    const before = await eventually('a measurement', () => watchkeeper.value(count));
    await watchkeeper.stop('SIGKILL');
    await watchkeeper.resume();
    const after = await eventually('the measurements', () => watchkeeper.value(count));
    expect(after).toBeGreaterThanOrEqual(before);
  }
});
