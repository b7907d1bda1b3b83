// Takes pictures of the page and holds axe-core against it. Needs `npm run build`, a mock server and Chromium.
// CHROMIUM names the browser, OUT the folder of the pictures.

import { createRequire } from 'node:module';
import { mkdir, readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const BASE = process.env.BASE ?? 'http://127.0.0.1:8090';
const OUT = process.env.OUT ?? 'test-results/look';
// Evaluated and not added as a script, which the page's policy would rightly refuse.
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const only = process.argv[2];

const VIEWS = [
  { name: 'dark', path: '/', width: 1440, height: 1000, theme: 'dark' },
  { name: 'dark-full', path: '/', width: 1440, height: 1000, theme: 'dark', full: true },
  { name: 'light', path: '/', width: 1440, height: 1000, theme: 'light' },
  { name: 'phone', path: '/mobile', width: 360, height: 780, theme: 'dark' },
  { name: 'phone-light', path: '/mobile', width: 360, height: 780, theme: 'light', full: true },
  { name: 'narrow', path: '/', width: 320, height: 640, theme: 'light', full: true },
  { name: 'tablet', path: '/', width: 900, height: 1000, theme: 'dark' },
  { name: 'agent', path: '/?agent=opencode%3A127.0.0.1%3A4096%3Ases_billingrefactor', width: 1440, height: 1000, theme: 'dark' },
  { name: 'agent-phone', path: '/?agent=opencode%3A127.0.0.1%3A4096%3Ases_billingrefactor', width: 360, height: 1500, theme: 'light' },
  { name: 'settings', path: '/settings/notifications', width: 1100, height: 700, theme: 'light' },
  { name: 'login', path: '/login', width: 900, height: 700, theme: 'dark' },
  { name: 'setup', path: '/setup?token=good', width: 400, height: 700, theme: 'light' },
];

await mkdir(OUT, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let bad = 0;
for (const view of VIEWS.filter((v) => only === undefined || only.split(',').includes(v.name))) {
  const context = await browser.newContext({ viewport: { width: view.width, height: view.height }, colorScheme: view.theme, bypassCSP: false });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => new URL(request.url()).origin !== BASE && complaints.push(`third party: ${request.url()}`));
  await page.goto(BASE + view.path);
  await page.waitForTimeout(2600);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (overflow > 0) complaints.push(`scrolls sideways by ${overflow} px`);
  await page.screenshot({ path: `${OUT}/${view.name}.png`, fullPage: view.full === true });
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const result = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return result.violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? ''}`).join(' | ')}`);
  });
  console.log(view.name, complaints.length + found.length === 0 ? 'ok' : [...complaints, ...found]);
  bad += complaints.length + found.length;
  await context.close();
}
await browser.close();
process.exit(bad === 0 ? 0 : 1);
