/** Everything that an end-to-end test stands on, started once a file. */
import { test as base } from '@playwright/test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { FakeLlm } from './fake-llm.js';
import { OpenCode } from './opencode.js';
import { eventually, freePort } from './process.js';
import { Watchkeeper } from './watchkeeper.js';
import { WebhookReceiver } from './webhook.js';

export interface World {
  llm: FakeLlm;
  opencode: OpenCode;
  receiver: WebhookReceiver;
  watchkeeper: Watchkeeper;
}

/** Seconds where the defaults are minutes. */
const config = (opencodeUrl: string, webhookUrl: string) => `
[monitoring]
metrics_interval = "1s"
alert_interval = "1s"
health_interval = "2s"

[agents]
stalled_after_model = "4s"
stalled_after_tool = "6s"

[recovery]
warm_up = "0s"

[alerts.webhook]
url = "${webhookUrl}"

[[sources.opencode]]
name = "workshop"
url = "${opencodeUrl}"
`;

export const test = base.extend<object, { world: World }>({
  world: [
    async ({}, use) => {
      const home = mkdtempSync(join(tmpdir(), 'watchkeeper-e2e-'));
      const llm = await FakeLlm.start();
      const receiver = await WebhookReceiver.start();
      const opencode = await OpenCode.start(join(home, 'opencode'), await freePort(), llm.baseUrl);
      const watchkeeper = await Watchkeeper.start(join(home, 'watchkeeper'), config(opencode.url, receiver.url));
      await watchkeeper.setUp();
      // Turns that began before the source was heard are not counted.
      await eventually('the source to be live', async () => (await watchkeeper.value('source_up')) === 1);
      await use({ llm, opencode, receiver, watchkeeper });
      await watchkeeper.stop();
      await opencode.stop();
      await receiver.stop();
      await llm.stop();
      rmSync(home, { recursive: true, force: true });
    },
    { scope: 'worker', timeout: 120_000 },
  ],
});

export { expect } from '@playwright/test';
