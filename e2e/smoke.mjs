// Checks that a build opens in a browser, and that two people can talk:
//   node e2e/smoke.mjs          the page inside the madang binary, started from an empty folder
//   node e2e/smoke.mjs DIST     the folder that trunk made, with /api and /socket.io forwarded to madang

import assert from 'node:assert/strict';

import { launch, Person } from './page.mjs';
import { Server } from './server.mjs';
import { serveFolder } from './static-server.mjs';

const [folder] = process.argv.slice(2);
const pageServer = folder && (await serveFolder(folder));
const server = await Server.start(pageServer ? { '--public-url': pageServer.url } : {});
pageServer?.forwardTo(server.url);
const browser = await launch();

try {
  const people = await Promise.all(
    ['지은', '민호'].map((name) => Person.open(browser, pageServer?.url ?? server.url, name)),
  );
  const [jieun, minho] = people;
  await jieun.joinRoom('열리나');
  await minho.joinRoom('열리나');
  await jieun.send('열렸다!');
  for (const person of people) await person.waitForMessage('열렸다!');
  assert.deepEqual(people.flatMap(({ errors }) => errors), []);
  console.log(`${folder ?? 'the page in the binary'}: opened, and a message was sent and seen`);
} finally {
  await browser.close();
  await server.stop();
  pageServer?.close();
}
