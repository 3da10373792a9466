// A page of the tutorial's, served by a program of its own, in real browsers.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { newRoom } from './clients.mjs';
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

async function open(server, room) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${origin}/?${new URLSearchParams({ server: server.url, room })}`);
  return page;
}

const says = async (page, text) => {
  await page.locator('#text').fill(text);
  await page.locator('button').click();
};

const sees = (page, text) => page.getByRole('listitem').getByText(text, { exact: true }).waitFor();

test('its page talks from another origin that is named, over what its client chooses', async () => {
  const server = await Server.start({ '--public-url': origin });
  try {
    const room = newRoom();
    const [jieun, minho] = [await open(server, room), await open(server, room)];
    // Whoever is heard by both is in.
    await says(jieun, '들려요?');
    await sees(jieun, '들려요?');
    await says(minho, '잘 들려요');
    await sees(jieun, '잘 들려요');
    await sees(minho, '잘 들려요');
    const third = await open(server, room);
    await sees(third, 'result: failed');
    await jieun.close();
    await minho.close();
    await third.close();
  } finally {
    await server.stop();
  }
});

test('its page reaches nothing from an origin that is not named', async () => {
  const server = await Server.start();
  try {
    const page = await browser.newPage();
    const refused = page.waitForEvent('requestfailed', (asked) => asked.url().startsWith(server.url));
    await page.goto(`${origin}/?${new URLSearchParams({ server: server.url, room: newRoom() })}`);
    await refused;
    await page.close();
  } finally {
    await server.stop();
  }
});
