// Runs Lighthouse on the first page and on a room, on a simulated slow phone (1.6 Mbit/s, 150 ms round
// trip, a processor four times slower): bin/audit
// Fails below MIN_SCORES and prints the reasons.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { chromium } from 'playwright-core';

import { Client, newCid, newRoomName } from './clients.mjs';
import { CHROMIUM, FLAGS, Person, LABELS } from './page.mjs';
import { Server } from './server.mjs';

const { default: lighthouse } = await import(resolve(process.env.LIGHTHOUSE, 'core/index.js'));

const MIN_SCORES = { performance: 90, accessibility: 100, 'best-practices': 100 };
const TIMES = ['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time', 'cumulative-layout-shift', 'speed-index'];

const server = await Server.start();
const room = newRoomName();
let passed = true;
try {
  await fillRoom();
  for (const language of Object.keys(LABELS)) await audit(language);
} finally {
  await server.stop();
}
console.log(`load average ${loadavg()[0].toFixed(1)}`);
if (!passed) process.exitCode = 1;

async function fillRoom() {
  const sender = await Client.connect(server.url, { generation: '4', transport: 'websocket', name: '이야기꾼' });
  await sender.request('join', { room });
  for (let number = 1; number <= 60; number += 1) {
    await sender.request('send', { room, cid: newCid(), body: `이야기 ${number}, **told** to whoever comes` });
  }
  sender.leave();
}

/** Lighthouse opens tabs of its own, so the visitor's cookies and language belong to the profile. */
async function audit(language) {
  const { locale } = LABELS[language];
  const profile = await mkdtemp(join(tmpdir(), 'madang-audit-'));
  const args = [...FLAGS, '--remote-debugging-port=0', `--lang=${locale}`, `--accept-lang=${locale}`];
  const context = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, args });
  try {
    const [port] = (await readFile(join(profile, 'DevToolsActivePort'), 'utf8')).split('\n');
    await auditPage(`the first page, ${language}`, server.url, Number(port));
    await context.request.post(new URL('/api/me', server.url).href, { data: { name: '지은' }, headers: { origin: server.url } });
    await auditPage(`a room, ${language}`, new URL(Person.linkTo(room), server.url).href, Number(port));
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}

async function auditPage(name, url, port) {
  const { lhr } = await lighthouse(url, { port, logLevel: 'error', onlyCategories: Object.keys(MIN_SCORES) });
  const scores = Object.values(lhr.categories).map(({ id, score }) => [id, Math.round(score * 100)]);
  console.log(`${name}: ${scores.map((score) => score.join(' ')).join(', ')}`);
  console.log(`  ${TIMES.map((id) => `${lhr.audits[id].title} ${lhr.audits[id].displayValue}`).join(', ')}`);
  if (lhr.runtimeError) console.log(`  ${lhr.runtimeError.message}`);
  for (const [id, score] of scores) {
    if (score >= MIN_SCORES[id]) continue;
    passed = false;
    const refs = lhr.categories[id].auditRefs.map((ref) => lhr.audits[ref.id]);
    for (const { title, displayValue, score } of refs) {
      if (score !== null && score < 0.9) console.log(`  ${id}: ${title} ${displayValue ?? ''}`);
    }
  }
}
