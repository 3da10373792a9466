// How long a page that comes back takes to have everything it missed:
// node e2e/catchup.mjs [--missed 1000] [--runs 5]
//
// From the moment the server lets the page in again (Socket.IO's CONNECT) until the last missed
// message stands in the document, by the page's own clock.

import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

import { Client, newCid, newRoom } from './clients.mjs';
import { launch, Person } from './page.mjs';
import { Server } from './server.mjs';

const { values } = parseArgs({
  options: { missed: { type: 'string', default: '1000' }, runs: { type: 'string', default: '5' } },
});
const [missed, runs] = [Number(values.missed), Number(values.runs)];

const server = await Server.start();
const browser = await launch();
try {
  const times = [];
  for (let run = 0; run < runs; run += 1) times.push(await comeBack(newRoom()));
  times.sort((one, other) => one - other);
  console.log(`${missed} missed messages, ${runs} runs: ${times.map((time) => `${Math.round(time)} ms`).join(', ')}`);
  console.log(`median ${Math.round(times[Math.floor(runs / 2)])} ms`);
} finally {
  await browser.close();
  await server.stop();
}

async function comeBack(room) {
  const teller = await Client.connect(server.url, { generation: '4', transport: 'websocket', name: '이야기꾼' });
  const say = (body) => teller.ask('send', { room, cid: newCid(), body });
  await teller.ask('join', { room });
  const reader = await Person.arrive(browser, server.url, '지은');
  await reader.context.addInitScript(watchWire);
  await reader.enter(room);
  await say('떠나기 전');
  await reader.sees('떠나기 전');

  await reader.page.evaluate(() => window.wire.cut());
  for (let number = 1; number <= missed; number += 1) await say(`${number}`);
  const time = await reader.page.evaluate((last) => window.wire.comeBack(last), `${missed}`);
  const expected = ['떠나기 전', ...Array.from({ length: missed }, (_, index) => `${index + 1}`)];
  assert.deepEqual(await reader.reads(), expected);
  teller.leave();
  await reader.goAway();
  return time;
}

/** Runs in the page: holds its WebSocket, so that it can be cut, and looks at the clock. */
function watchWire() {
  const sockets = [];
  let isCut = false;
  let connected;
  window.WebSocket = class extends WebSocket {
    constructor(url) {
      super(isCut ? 'ws://127.0.0.1:1/' : url);
      sockets.push(this);
      this.addEventListener('message', ({ data }) => {
        if (data.startsWith('40')) connected = performance.now();
      });
    }
  };
  window.wire = {
    cut() {
      isCut = true;
      sockets.forEach((socket) => socket.close());
    },
    comeBack(last) {
      isCut = false;
      return new Promise((done) => {
        const log = document.querySelector('.log');
        new MutationObserver(() => {
          if (log.lastElementChild.querySelector('.body')?.textContent === last) done(performance.now() - connected);
        }).observe(log, { childList: true });
        window.dispatchEvent(new Event('online'));
      });
    },
  };
}
