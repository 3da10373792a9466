// The tutorial's page, served by another server, in real browsers.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { newRoomName } from './clients.mjs';
import { launch } from './page.mjs';
import { Server } from './server.mjs';

const FILES = { '/': 'tutorial/page.html', '/socket.io.min.js': 'node_modules/sio4/dist/socket.io.min.js' };

let host;
let origin;
let browser;
before(async () => {
  host = createServer(async (asked, answer) => {
    const file = FILES[new URL(asked.url, origin).pathname];
    answer.writeHead(file ? 200 : 404, { 'content-type': file?.endsWith('.js') ? 'text/javascript' : 'text/html' });
    answer.end(file && (await readFile(new URL(file, import.meta.url))));
  });
  await new Promise((listening) => host.listen(0, 'localhost', listening));
  origin = `http://localhost:${host.address().port}`;
  browser = await launch();
});
after(async () => {
  await browser.close();
  host.close();
});

async function openPage(server, room) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${origin}/?${new URLSearchParams({ server: server.url, room })}`);
  return page;
}

const send = async (page, text) => {
  await page.locator('#text').fill(text);
  await page.locator('button').click();
};

const waitForText = (page, text) => page.getByRole('listitem').getByText(text, { exact: true }).waitFor();

test('the tutorial’s page connects from an allowed origin, over any transport of its client', async () => {
  const server = await Server.start({ '--public-url': origin });
  try {
    const room = newRoomName();
    const [jieun, minho] = [await openPage(server, room), await openPage(server, room)];
    // Once both see the message, both have joined.
    await send(jieun, '들려요?');
    await waitForText(jieun, '들려요?');
    await send(minho, '잘 들려요');
    await waitForText(jieun, '잘 들려요');
    await waitForText(minho, '잘 들려요');
    const third = await openPage(server, room);
    await waitForText(third, 'result: failed');
    await jieun.close();
    await minho.close();
    await third.close();
  } finally {
    await server.stop();
  }
});

test('the tutorial’s page can not connect from an origin that is not allowed', async () => {
  const server = await Server.start();
  try {
    const page = await browser.newPage();
    const refused = page.waitForEvent('requestfailed', (asked) => asked.url().startsWith(server.url));
    await page.goto(`${origin}/?${new URLSearchParams({ server: server.url, room: newRoomName() })}`);
    await refused;
    await page.close();
  } finally {
    await server.stop();
  }
});
