// Kills the browser while its outbox is full: node e2e/outbox-kill.mjs --runs 50
//
// One message is written after the other; at a random moment every process of the browser is killed.
// Opened again on the same profile, the page delivers what it had shown as persisted: each such message
// is in the log once, in the order in which they were written.
//
// A row with `data-persisted` is persisted: the database has confirmed that it is on the disk. Only
// messages that were seen so before the kill must survive; those of the last milliseconds may.

import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

import { Profile } from './browser.mjs';
import { Client, eventually, newRoomName } from './clients.mjs';
import { Person } from './page.mjs';
import { Server } from './server.mjs';

/** What happens to the server meanwhile. */
const SERVER_FAULTS = {
  'the server is away': { before: (server) => server.kill() },
  'all is well': {},
  'the server dies in the middle': { during: (server) => server.kill() },
};
const MAX_WRITE_TIME = 1_500;
const DELIVERY_LIMIT = 60_000;
/** The page's retry delay is one and a half seconds. */
const QUIET_TIME = 2_500;

const NAME = '지은';

/** Runs this many times, with each fault in turn, and reports the result of each run. */
export async function killBrowser(runs, report = () => {}) {
  const server = await Server.start();
  const profile = await Profile.create();
  try {
    await registerPerson(profile, server);
    for (let run = 0; run < runs; run += 1) {
      const serverFault = Object.keys(SERVER_FAULTS)[run % Object.keys(SERVER_FAULTS).length];
      const reopenRoom = run % 2 === 0;
      report({ run: run + 1, serverFault, reopenRoom, ...(await killOnce(profile, server, SERVER_FAULTS[serverFault], reopenRoom)) });
    }
  } finally {
    await server.stop();
    await profile.remove();
  }
}

/**
 * Closes the browser in the normal way: it writes cookies only after half a minute, and that is not
 * what is tested here.
 */
async function registerPerson(profile, server) {
  const browser = await profile.open(server.url, NAME);
  await browser.person.page.goto(new URL(Person.linkTo(newRoomName()), server.url).href);
  await browser.person.enterName();
  await browser.person.composer.waitFor();
  await browser.close();
}

async function killOnce(profile, server, { before, during }, reopenRoom) {
  const room = newRoomName();
  const link = new URL(Person.linkTo(room), server.url).href;
  const first = await profile.open(server.url, NAME);
  await first.person.page.goto(link);
  await first.person.composer.waitFor();
  const persisted = await watchPersisted(first.person.page);
  await before?.(server);

  const moment = Math.random() * MAX_WRITE_TIME;
  await write(first.person.page);
  await sleep(moment / 2);
  await during?.(server);
  await sleep(moment / 2);
  await first.kill();
  if (before || during) await server.restart();

  const second = await profile.open(server.url, NAME);
  await second.person.page.goto(reopenRoom ? link : server.url);
  await eventually('an empty outbox', async () => (await second.person.outboxSize()) === 0, DELIVERY_LIMIT);
  if (reopenRoom) await second.person.waitUntilDelivered();
  const log = await finalLog(server, room);
  await second.close();

  const lost = [...persisted].filter((text) => !log.includes(text));
  assert.deepEqual(lost, [], 'what was kept is in the log');
  const numbers = log.map(Number);
  assert.deepEqual(numbers, [...new Set(numbers)].sort((one, other) => one - other), 'once, and in order');
  return { persisted: persisted.size, stored: log.length };
}

/** Collects the messages that the page shows as persisted. */
async function watchPersisted(page) {
  const persisted = new Set();
  await page.exposeFunction('reportPersisted', (text) => persisted.add(text));
  await page.evaluate(() => {
    const look = () => {
      for (const body of document.querySelectorAll('.message[data-persisted] .message-body')) window.reportPersisted(body.textContent);
    };
    new MutationObserver(look).observe(document.querySelector('.message-list'), {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ['data-persisted'],
    });
  });
  return persisted;
}

/** Writes 1, 2, 3 … faster than a person types, until the browser is gone. */
async function write(page) {
  await page.evaluate(() => {
    const textarea = document.querySelector('.composer textarea');
    const write = (number) => {
      textarea.value = String(number);
      textarea.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
      setTimeout(write, Math.random() * 30, number + 1);
    };
    write(1);
  });
}

/** Reads the room's log once it has not grown for longer than the page's retry delay. */
async function finalLog(server, room) {
  for (let log = await readLog(server, room); ; ) {
    await sleep(QUIET_TIME);
    const later = await readLog(server, room);
    if (later.length === log.length) return later;
    log = later;
  }
}

async function readLog(server, room) {
  const reader = await Client.connect(server.url, { generation: '4', transport: 'websocket', name: '서기' });
  await reader.request('join', { room });
  const log = [];
  for (let page = { more_after: true }; page.more_after; ) {
    page = await reader.request('history', { room, after: log.length, limit: 200 });
    log.push(...page.events.map((event) => event.what.posted.body));
  }
  reader.leave();
  return log;
}

function sleep(milliseconds) {
  return new Promise((then) => setTimeout(then, milliseconds));
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' } } });
  let persisted = 0;
  await killBrowser(Number(values.runs), (run) => {
    console.log(JSON.stringify(run));
    persisted += run.persisted;
  });
  console.log(`${values.runs} kills: ${persisted} messages shown as kept, none lost, none doubled, all in order`);
}
