// Kills the browser while its outbox is full: node e2e/outbox-kill.mjs --runs 50
//
// Somebody writes one message after the other; at a random moment every process of the browser is
// killed. Opened again on the same profile, the page delivers what it had shown as kept: each such
// message stands in the log once, and all of them in the order in which they were written.
//
// Kept is a row with `data-kept`: the database has said that the disk has it. Only what was seen so
// before the kill must survive; what was written in the last milliseconds may.

import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

import { Profile } from './browser.mjs';
import { Client, eventually, newRoom } from './clients.mjs';
import { Person } from './page.mjs';
import { Server } from './server.mjs';

/** What goes on around the one who writes. */
const WEATHERS = {
  'the server is away': { before: (server) => server.kill() },
  'all is well': {},
  'the server dies in the middle': { during: (server) => server.kill() },
};
const LONGEST_RUN = 1_500;
const DELIVERY_LIMIT = 60_000;
/** `BREATH` in app/src/chat is one and a half seconds. */
const CALM = 2_500;

const NAME = '지은';

/** Runs so many times, in every weather in turn, and tells what became of each run. */
export async function killTheBrowser(runs, tell = () => {}) {
  const server = await Server.start();
  const profile = await Profile.make();
  try {
    await introduce(profile, server);
    for (let run = 0; run < runs; run += 1) {
      const weather = Object.keys(WEATHERS)[run % Object.keys(WEATHERS).length];
      const goBack = run % 2 === 0;
      tell({ run: run + 1, weather, goBack, ...(await killOnce(profile, server, WEATHERS[weather], goBack)) });
    }
  } finally {
    await server.stop();
    await profile.forget();
  }
}

/** Closed the friendly way: a cookie takes the browser half a minute to write, and it is not what is
 * tested here. */
async function introduce(profile, server) {
  const browser = await profile.open(server.url, NAME);
  await browser.person.page.goto(new URL(Person.linkTo(newRoom()), server.url).href);
  await browser.person.introduce();
  await browser.person.composer.waitFor();
  await browser.close();
}

async function killOnce(profile, server, { before, during }, goBack) {
  const room = newRoom();
  const link = new URL(Person.linkTo(room), server.url).href;
  const first = await profile.open(server.url, NAME);
  await first.person.page.goto(link);
  await first.person.composer.waitFor();
  const kept = await watchKept(first.person.page);
  await before?.(server);

  const moment = Math.random() * LONGEST_RUN;
  await write(first.person.page);
  await after(moment / 2);
  await during?.(server);
  await after(moment / 2);
  await first.kill();
  if (before || during) await server.reopen();

  const second = await profile.open(server.url, NAME);
  await second.person.page.goto(goBack ? link : server.url);
  await eventually('an empty outbox', async () => (await second.person.kept()) === 0, DELIVERY_LIMIT);
  if (goBack) await second.person.hasSaidAll();
  const log = await finalLog(server, room);
  await second.close();

  const lost = [...kept].filter((text) => !log.includes(text));
  assert.deepEqual(lost, [], 'what was kept is in the log');
  const numbers = log.map(Number);
  assert.deepEqual(numbers, [...new Set(numbers)].sort((one, other) => one - other), 'once, and in order');
  return { kept: kept.size, said: log.length };
}

/** The messages that the page has shown as kept, as they come. */
async function watchKept(page) {
  const kept = new Set();
  await page.exposeFunction('tellKept', (text) => kept.add(text));
  await page.evaluate(() => {
    const look = () => {
      for (const body of document.querySelectorAll('.message[data-kept] .body')) window.tellKept(body.textContent);
    };
    new MutationObserver(look).observe(document.querySelector('.log'), {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ['data-kept'],
    });
  });
  return kept;
}

/** Writes 1, 2, 3 … faster than anybody types, until there is no browser to write in. */
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

/** The room's log, once nobody has added to it for longer than a page waits before it sends again. */
async function finalLog(server, room) {
  for (let log = await read(server, room); ; ) {
    await after(CALM);
    const later = await read(server, room);
    if (later.length === log.length) return later;
    log = later;
  }
}

async function read(server, room) {
  const reader = await Client.connect(server.url, { generation: '4', transport: 'websocket', name: '서기' });
  await reader.ask('join', { room });
  const log = [];
  for (let page = { more_after: true }; page.more_after; ) {
    page = await reader.ask('history', { room, after: log.length, limit: 200 });
    log.push(...page.events.map((event) => event.what.posted.body));
  }
  reader.leave();
  return log;
}

function after(milliseconds) {
  return new Promise((then) => setTimeout(then, milliseconds));
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' } } });
  let kept = 0;
  await killTheBrowser(Number(values.runs), (run) => {
    console.log(JSON.stringify(run));
    kept += run.kept;
  });
  console.log(`${values.runs} kills: ${kept} messages shown as kept, none lost, none doubled, all in order`);
}
