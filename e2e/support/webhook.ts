/** A receiver of generic webhooks that keeps what it was told. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Delivery {
  at: number;
  id: string | undefined;
  alert: { id: string; title: string; status: string; severity: string; metadata: { rule_id: string } };
}

export class WebhookReceiver {
  #server: Server;
  readonly deliveries: Delivery[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server);
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { alert } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Pick<Delivery, 'alert'>;
      const id = request.headers['webhook-id'];
      receiver.deliveries.push({ at: Date.now(), id: typeof id === 'string' ? id : undefined, alert });
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** What was told about one rule, oldest first: `['active', 'resolved']`. */
  story(rule: string): string[] {
    return this.deliveries.filter(({ alert }) => alert.metadata.rule_id === rule).map(({ alert }) => alert.status);
  }

  forget(): void {
    this.deliveries.length = 0;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
