// A stand-in for Watchkeeper's server, for developing the page: `npm run build && npm run mock`, then http://127.0.0.1:8090.
// Options by environment: PORT, WORLD (busy, well, empty), ROLE (admin, viewer), SIGNED_OUT=1, SILENT_AFTER=<seconds>.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeWorld, random, summary, tick } from './world.mjs';

const PORT = Number(process.env.PORT ?? 8090);
const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const CSP = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'self'";
const ALL = ['view', 'metrics', 'alerts', 'logs', 'acknowledge', 'recover', 'control_agents', 'administer'];

const world = makeWorld(process.env.WORLD);
const role = process.env.ROLE ?? 'admin';
let signedIn = process.env.SIGNED_OUT !== '1';
let sequence = 0;
const listeners = new Set();
const receipts = [
  { receiver: 'slack_alerts', alert_id: 'agent_stuck_1795', transition: 'firing', outcome: 'accepted', at: new Date(Date.now() - 660_000).toISOString(), attempt: 1, status: 200, reply: 'ok' },
  { receiver: 'email_alerts', alert_id: 'agent_stuck_1795', transition: 'firing', outcome: 'retry', at: new Date(Date.now() - 600_000).toISOString(), attempt: 3, status: null, reply: 'connection to smtp.example.net:587 timed out' },
];

const frame = (type, data) => `id: ${++sequence}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
const send = (type, data) => {
  const text = frame(type, data);
  for (const response of listeners) response.write(text);
};
const started = Date.now();
const silent = () => process.env.SILENT_AFTER !== undefined && Date.now() - started > Number(process.env.SILENT_AFTER) * 1000;
setInterval(() => {
  if (!silent()) for (const [type, data] of tick(world)) send(type, data);
}, 1000);
setInterval(() => {
  if (!silent()) for (const response of listeners) response.write(`event: ping\ndata: ${JSON.stringify({ now: new Date().toISOString() })}\n\n`);
}, 10_000);

const json = (response, status, body) => {
  response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json', 'cache-control': 'no-store' });
  response.end(body === undefined ? '' : JSON.stringify(body));
};
const problem = (response, status, title, detail) =>
  json(response, status, { type: 'about:blank', title, status, detail, correlation_id: 'c0ffee12' });

function series(query, start, end, step) {
  const n = Math.floor((end - start) / step) + 1;
  const wave = (base, swing, phase) =>
    Array.from({ length: n }, (_, i) => {
      const t = (start + i * step) / 60;
      return base + swing * (Math.sin(t / 7 + phase) * 0.5 + Math.sin(t / 2.3 + phase * 2) * 0.25 + Math.sin(t * 1.7 + phase) * 0.12);
    });
  const one = (values, metric = {}) => ({ metric, values: values.map((v, i) => [start + i * step, String(v)]) });
  if (world.agents.size === 0 && !query.includes('node_')) return [];
  if (query.startsWith('sum by (agent)')) {
    return [...world.agents.values()].map((a, i) => one(wave(400, a.state === 'working' ? 500 : a.state === 'idle' ? 8 : 90, i).map((v) => Math.max(0, v)), { agent: a.id }));
  }
  if (query.includes('state="working"')) return [one(wave(15, 5, 1).map(Math.round))];
  if (query.startsWith('sum(fleet_agents)')) return [one(wave(24, 1, 0).map(Math.round))];
  if (query.includes('errors_total')) return [{ metric: {}, values: one(wave(1.6, 2, 3).map((v) => Math.max(0, v))).values.filter((_, i) => i < n * 0.4 || i > n * 0.5) }];
  if (query.includes('tokens')) return [one(wave(412_000, 150_000, 2))];
  if (query.includes('cost')) return [one(wave(1.92, 0.7, 4))];
  if (query.includes('cpu')) return [one(wave(38, 22, 5))];
  return [one(wave(61, 3, 6))];
}

async function api(request, response, url, body) {
  const path = url.pathname;
  const method = request.method;
  if (path === '/setup/status') return json(response, 200, { needs_administrator: process.env.SIGNED_OUT === '1' });
  if (path === '/setup' && method === 'POST') {
    if (body.token !== 'good') return problem(response, 403, 'Not allowed', 'the one-time link was used already');
    signedIn = true;
    return json(response, 200, { user: { name: body.username, role: 'admin' } });
  }
  if (path === '/login' && method === 'POST') {
    if (body.password !== 'correct horse') return problem(response, 401, 'Not signed in', 'wrong name or password');
    signedIn = true;
    return json(response, 200, { user: { name: body.username, role } });
  }
  if (!signedIn) return problem(response, 401, 'You are signed out', 'no session');
  if (method !== 'GET' && request.headers['x-watchkeeper'] !== '1') return problem(response, 403, 'Not allowed', 'the header X-Watchkeeper is missing');
  if (path === '/logout') {
    signedIn = false;
    return json(response, 204);
  }
  if (path === '/monitoring/me') return json(response, 200, { name: 'maria', role, permissions: role === 'admin' ? ALL : ['view', 'metrics'] });
  if (path === '/monitoring/live') {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    if (silent()) return undefined;
    const snapshot = { now: new Date().toISOString(), agents: [...world.agents.values()], sources: world.sources, alerts: role === 'admin' ? [...world.alerts.values()] : [], recovery: world.runs, health: world.health, host: world.host, fleet: summary(world) };
    response.write(frame('snapshot', snapshot));
    listeners.add(response);
    request.on('close', () => listeners.delete(response));
    return undefined;
  }
  if (path === '/api/v1/query_range') {
    const get = (name) => Number(url.searchParams.get(name));
    return json(response, 200, { status: 'success', data: { resultType: 'matrix', result: series(url.searchParams.get('query'), get('start'), get('end'), get('step')) } });
  }
  if (path === '/monitoring/receivers') {
    return json(response, 200, { receivers: [
      { id: 'slack_alerts', name: 'Slack #alerts', type: 'slack', enabled: true, severity_filter: ['critical', 'high', 'medium'], last_receipt: receipts.find((r) => r.receiver === 'slack_alerts') ?? null },
      { id: 'email_alerts', name: 'E-mail to on-call', type: 'email', enabled: true, severity_filter: ['critical', 'high'], last_receipt: receipts.find((r) => r.receiver === 'email_alerts') ?? null },
      { id: 'webhook_alerts', name: 'Webhook', type: 'webhook', enabled: false, severity_filter: [], last_receipt: null },
    ] });
  }
  if (path === '/monitoring/receipts') return json(response, 200, { receipts });
  const test = /^\/monitoring\/receivers\/([^/]+)\/test$/.exec(path);
  if (test !== null) {
    const receipt = { receiver: test[1], alert_id: 'test', transition: 'test', outcome: test[1] === 'slack_alerts' ? 'accepted' : 'gave_up', at: new Date().toISOString(), attempt: 1, status: null, reply: test[1] === 'slack_alerts' ? '200 ok' : 'connection timed out' };
    receipts.unshift(receipt);
    return json(response, 200, receipt);
  }
  const acknowledged = /^\/monitoring\/production\/alerts\/([^/]+)\/acknowledge$/.exec(path);
  if (acknowledged !== null) {
    await new Promise((done) => setTimeout(done, 300));
    const alert = world.alerts.get(decodeURIComponent(acknowledged[1]));
    if (alert === undefined || url.searchParams.has('fail')) return problem(response, 404, 'Not found', 'no open alert has this id');
    const next = { ...alert, status: 'acknowledged', acknowledged_by: 'maria', acknowledged_at: new Date().toISOString() };
    world.alerts.set(next.id, next);
    send('alert', next);
    return json(response, 200, { message: 'ok' });
  }
  const verb = /^\/monitoring\/agents\/([^/]+)\/(abort|prompt|permissions\/([^/]+))$/.exec(path);
  if (verb !== null) {
    const agent = world.agents.get(decodeURIComponent(verb[1]));
    if (agent === undefined) return problem(response, 404, 'Not found', 'no such agent');
    const next = { ...agent, state: verb[2] === 'abort' ? 'idle' : 'working', phase: 'streaming', pending: [], since: new Date().toISOString() };
    world.agents.set(next.id, next);
    send('agent', next);
    return json(response, 200, { message: 'ok' });
  }
  if (path.startsWith('/monitoring/production/recovery/')) {
    await new Promise((done) => setTimeout(done, 2500));
    if (random() < 0.5) return problem(response, 409, 'Held back', 'the same agent was restarted 2 minutes ago; the cooldown is 10 minutes');
    return json(response, 200, { message: 'ok' });
  }
  return problem(response, 404, 'Not found', `${method} ${path} is unknown here`);
}

createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const isPage = request.method === 'GET' && (url.pathname === '/login' || url.pathname === '/setup');
  if (!isPage && /^\/(monitoring|api|login|logout|setup)(\/|$)/.test(url.pathname)) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
    await api(request, response, url, body);
    return;
  }
  const wanted = extname(url.pathname) === '' ? 'index.html' : normalize(url.pathname).replace(/^(\.\.[/\\])+/, '');
  try {
    const file = await readFile(join(DIST, wanted));
    response.writeHead(200, { 'content-type': TYPES[extname(wanted)] ?? 'application/octet-stream', 'content-security-policy': CSP });
    response.end(file);
  } catch {
    response.writeHead(404).end();
  }
}).listen(PORT, '127.0.0.1', () => console.log(`mock on http://127.0.0.1:${PORT}`));
