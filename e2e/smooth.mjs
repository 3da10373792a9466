// How smoothly long rooms are read, and how soon a key shows while others send:
// node e2e/smooth.mjs [--rooms 100,10000,100000] [--slower 4] [--parts up,still,down,keys]
//     [--pages DIR,DIR] [--profile DIR]
//
// In Chromium with a slower processor, for each room: scrolls up through thousands of messages, reads
// there while 20 messages a second arrive, scrolls down again, and types at the end while others send.
// Prints the largest number of rows, the times between frames, how far the text was moved by anything
// but the wheel, the time from a key to the paint (Event Timing, in steps of 8 ms; less than 16 counts
// as 16), and the processor time of the page's thread. With `--pages` the pages in several folders are
// compared, each in its own rooms on the same server; with `--profile` each part is profiled into that
// folder, which slows everything down.

import { mkdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Client, newRoomName } from './clients.mjs';
import { launch, Person } from './page.mjs';
import { Server } from './server.mjs';
import { serveFolder } from './static-server.mjs';

const { values } = parseArgs({
  options: {
    rooms: { type: 'string', default: '100,10000,100000' },
    slower: { type: 'string', default: '4' },
    parts: { type: 'string', default: 'up,still,down,keys' },
    pages: { type: 'string' },
    profile: { type: 'string' },
  },
});

/** The distance of one turn of the wheel, in pixels, and the number of turns. */
const STEP = 300;
const TURNS = 500;
/** In ms. */
const MESSAGE_INTERVAL = 50;
const READ_FOR = 5_000;
const KEY_EVERY = 70;
const TYPED = 'bada '.repeat(30);
const PEOPLE = ['지은', 'Anna', '민수', 'Jürgen', '하늘'];
const WORDS = '바람이 불면 **마당**의 나무가 흔들려요 😀 see https://example.org/a?b=c and `code` for more of it'.split(' ');

const fronts = await Promise.all((values.pages?.split(',') ?? []).map(serveFolder));
const server = await Server.start(fronts.length > 0 ? { '--public-url': fronts.map(({ url }) => url).join() } : {});
for (const front of fronts) front.forwardTo(server.url);
const pages = fronts.length > 0 ? fronts.map(({ url }) => url) : [server.url];
const browser = await launch();
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const tokens = await Promise.all(PEOPLE.map(register));
let sentCount = 0;

try {
  for (const count of values.rooms.split(',').map(Number)) {
    for (const [number, url] of pages.entries()) {
      const room = newRoomName();
      await fillRoom(room, count);
      console.log(`${count} messages${pages.length > 1 ? `, page ${number + 1}` : ''}`);
      await measure(url, room, `${count}-${number + 1}`);
    }
  }
  console.log(`processor ${values.slower} times slower, load average ${loadavg()[0].toFixed(1)}`);
} finally {
  await browser.close();
  await server.stop();
  for (const front of fronts) front.close();
  agent.destroy();
}

async function measure(url, room, name) {
  const reader = await Person.open(browser, url, '지은');
  await reader.page.addInitScript(observePage);
  await reader.joinRoom(room);
  await reader.log.locator('.message').first().waitFor();
  const devtools = await reader.context.newCDPSession(reader.page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: Number(values.slower) });
  for (const part of values.parts.split(',')) {
    const act = { up, still: readWithoutScrolling, down, keys }[part];
    const profiled = values.profile && (await profile(devtools));
    const before = await metrics(devtools);
    const found = await act(reader, room);
    const worked = work(before, await metrics(devtools));
    await profiled?.(join(values.profile, `${part}-${name}`));
    console.log(`  ${part}: ${found}; ${worked}`);
  }
  await reader.close();
}

function up(reader) {
  return scroll(reader, -STEP);
}

function down(reader) {
  return scroll(reader, STEP);
}

async function scroll({ page, log }, step) {
  await log.hover();
  await page.evaluate(() => window.watched.begin());
  for (let turn = 0; turn < TURNS; turn += 1) {
    await page.evaluate(() => window.watched.mark());
    await page.mouse.wheel(0, step);
    if (await page.evaluate((step) => window.watched.turned(step), step)) break;
  }
  const { frames, rows, passed, moved } = await page.evaluate(() => window.watched.end());
  return `${passed} messages, at most ${rows} rows, moved by ${moved.toFixed(1)} px, frames ${quantiles(frames)}`;
}

async function readWithoutScrolling({ page }, room) {
  await page.evaluate(() => window.watched.mark());
  await whileOthersTalk(room, () => new Promise((over) => setTimeout(over, READ_FOR)));
  const moved = await page.evaluate(() => window.watched.movedSince());
  return `moved by ${moved.toFixed(1)} px`;
}

async function keys({ page, composer }, room) {
  const pill = page.locator('.jump-button:not(.to-unread)');
  if (await pill.isVisible()) await pill.click();
  await composer.click();
  await whileOthersTalk(room, () => page.keyboard.type(TYPED, { delay: KEY_EVERY }));
  return `to the paint ${quantiles(await page.evaluate(() => window.watched.keys()))}`;
}

/** Starts a profile of the page; the returned function ends it and writes it into two files. */
async function profile(devtools) {
  const events = [];
  const collect = ({ value }) => events.push(...value);
  devtools.on('Tracing.dataCollected', collect);
  const includedCategories = ['toplevel', 'devtools.timeline'];
  await devtools.send('Profiler.enable');
  await devtools.send('Profiler.start');
  await devtools.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories } });
  return async (path) => {
    const complete = new Promise((done) => devtools.once('Tracing.tracingComplete', done));
    await devtools.send('Tracing.end');
    await complete;
    devtools.off('Tracing.dataCollected', collect);
    const { profile } = await devtools.send('Profiler.stop');
    await mkdir(values.profile, { recursive: true });
    await writeFile(`${path}.cpuprofile`, JSON.stringify(profile));
    await writeFile(`${path}.trace.json`, JSON.stringify(events));
  };
}

async function metrics(devtools) {
  const { metrics } = await devtools.send('Performance.getMetrics');
  return new Map(metrics.map(({ name, value }) => [name, value]));
}

function work(before, after) {
  const more = (what) => after.get(what) - before.get(what);
  const ms = (what) => `${Math.round(more(`${what}Duration`) * 1_000)} ms`;
  const [styles, layouts] = [more('RecalcStyleCount'), more('LayoutCount')];
  return `${ms('Task')} of work: script ${ms('Script')}, ${styles} styles ${ms('RecalcStyle')}, ${layouts} layouts ${ms('Layout')}`;
}

function quantiles(times) {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]);
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, longest ${at(1)} ms (${times.length})`;
}

/**
 * Runs in the page: records the times between frames, the largest number of rows, the passed messages,
 * and movement that the reader did not cause.
 */
function observePage() {
  const rows = document.getElementsByClassName('message');
  const top = (element) => element.getBoundingClientRect().top;
  const inTheMiddle = () => [...rows].find((row) => top(row) > innerHeight / 2) ?? rows[rows.length - 1];
  const log = () => document.querySelector('[role=log]');
  const seq = (row) => Number(row.dataset.seq);
  let seen;
  let mark;
  let pressed = 0;
  const slow = new Map();
  addEventListener('keydown', () => (pressed += 1), true);
  new PerformanceObserver((list) => {
    for (const { name, startTime, duration } of list.getEntries()) if (name === 'keydown') slow.set(startTime, duration);
  }).observe({ type: 'event', durationThreshold: 16 });
  const frame = (now) => {
    if (!seen) return;
    if (seen.before) seen.frames.push(now - seen.before);
    seen.before = now;
    seen.rows = Math.max(seen.rows, rows.length);
    requestAnimationFrame(frame);
  };
  // After the page's own observers, which correct the scroll position: in the next frame.
  const laidOut = () =>
    new Promise((done) => {
      const last = new ResizeObserver(() => (last.disconnect(), done()));
      requestAnimationFrame(() => last.observe(document.body));
    });
  window.watched = {
    begin() {
      seen = { frames: [], rows: 0, moved: 0, first: seq(inTheMiddle()) };
      requestAnimationFrame(frame);
    },
    mark() {
      const row = inTheMiddle();
      const { scrollTop, scrollHeight, clientHeight } = log();
      mark = { row, top: top(row), above: scrollTop, below: scrollHeight - scrollTop - clientHeight };
    },
    /** Returns whether there is nothing more to scroll to. */
    async turned(step) {
      await new Promise((turn) => requestAnimationFrame(turn));
      await laidOut();
      if (!mark.row.isConnected) throw new Error('what is in sight was taken away');
      const turned = top(mark.row) - mark.top;
      // Near its end the page jumps to it: `AT_END_DISTANCE` in app/src/components/scroll.rs.
      const isEnd = step < 0 ? mark.above < -step : mark.below < step + 100;
      if (!isEnd) seen.moved = Math.max(seen.moved, Math.abs(turned + step));
      return isEnd && turned === 0;
    },
    async movedSince() {
      await laidOut();
      return Math.abs(top(mark.row) - mark.top);
    },
    /** Events below the threshold are not reported. */
    async keys() {
      await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted, 200)));
      return [...Array.from({ length: Math.max(0, pressed - slow.size) }, () => 16), ...slow.values()];
    },
    end() {
      const { frames, rows, moved, first } = seen;
      seen = undefined;
      return { frames, rows, moved, passed: Math.abs(seq(inTheMiddle()) - first) };
    },
  };
}

/** Sends messages at an interval while `act` runs. */
async function whileOthersTalk(room, act) {
  const talk = setInterval(() => postMessage(room, `그 사이의 말 ${sentCount}, **bold** and a link https://example.org/${sentCount}`), MESSAGE_INTERVAL);
  await act();
  clearInterval(talk);
}

/** Sends a message over HTTP as one of the people. */
function postMessage(room, body) {
  sentCount += 1;
  // A few in a row by the same person.
  return post(`/api/rooms/${encodeURIComponent(room)}/messages`, tokens[(sentCount >> 2) % tokens.length], body);
}

async function fillRoom(room, count) {
  let next = 1;
  const talk = async () => {
    while (next <= count) {
      const number = next++;
      const words = Array.from({ length: 3 + (number * 7) % 23 }, (_, index) => WORDS[(number + index) % WORDS.length]);
      await postMessage(room, `${number} ${words.join(' ')}`);
    }
  };
  await Promise.all(Array.from({ length: agent.maxSockets }, talk));
}

function post(path, token, body) {
  return new Promise((answered, failed) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/plain' };
    const request = http.request(new URL(path, server.url), { method: 'POST', agent, headers });
    request.on('response', (response) => {
      response.resume();
      if (response.statusCode === 201) response.on('end', answered);
      else failed(new Error(`${path} answered ${response.statusCode}`));
    });
    request.on('error', failed);
    request.end(body);
  });
}

/** Registers a person; returns the token. */
async function register(name) {
  const client = await Client.connect(server.url, { generation: '4', transport: 'websocket', name });
  const { token } = await client.request('hello', {});
  client.leave();
  return token;
}
