// How long a page takes to show everything it missed:
// node e2e/catchup.mjs [--missed 1000] [--runs 5]
//
// From the moment the server accepts the new connection (Socket.IO's CONNECT) until the last missed
// message is in the document, by the page's own clock.

import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';

import { Client, newCid, newRoomName } from './clients.mjs';
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
  for (let run = 0; run < runs; run += 1) times.push(await measureCatchUp(newRoomName()));
  times.sort((one, other) => one - other);
  console.log(`${missed} missed messages, ${runs} runs: ${times.map((time) => `${Math.round(time)} ms`).join(', ')}`);
  console.log(`median ${Math.round(times[Math.floor(runs / 2)])} ms`);
} finally {
  await browser.close();
  await server.stop();
}

async function measureCatchUp(room) {
  const sender = await Client.connect(server.url, { generation: '4', transport: 'websocket', name: '이야기꾼' });
  const say = (body) => sender.request('send', { room, cid: newCid(), body });
  await sender.request('join', { room });
  const reader = await Person.open(browser, server.url, '지은');
  await reader.context.addInitScript(interceptWebSocket);
  await reader.joinRoom(room);
  await say('떠나기 전');
  await reader.waitForMessage('떠나기 전');

  await reader.page.evaluate(() => window.connection.cut());
  for (let number = 1; number <= missed; number += 1) await say(`${number}`);
  const time = await reader.page.evaluate((last) => window.connection.restore(last), `${missed}`);
  const expected = ['떠나기 전', ...Array.from({ length: missed }, (_, index) => `${index + 1}`)];
  assert.deepEqual(await reader.messageTexts(), expected);
  sender.leave();
  await reader.close();
  return time;
}

/** Runs in the page: keeps its WebSocket, so that it can be cut, and measures the time. */
function interceptWebSocket() {
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
  window.connection = {
    cut() {
      isCut = true;
      sockets.forEach((socket) => socket.close());
    },
    restore(last) {
      isCut = false;
      return new Promise((done) => {
        const log = document.querySelector('.message-list');
        new MutationObserver(() => {
          if (log.lastElementChild.querySelector('.message-body')?.textContent === last) done(performance.now() - connected);
        }).observe(log, { childList: true });
        window.dispatchEvent(new Event('online'));
      });
    },
  };
}
