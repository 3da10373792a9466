// Does a build open in a browser, and can two people talk?
//   node e2e/opens.mjs          the page inside the madang binary, started from an empty folder
//   node e2e/opens.mjs DIST     the folder that trunk made, with /api and /socket.io passed on to madang

import assert from 'node:assert/strict';

import { launch, Person } from './page.mjs';
import { Server } from './server.mjs';
import { serveFolder } from './static.mjs';

const [folder] = process.argv.slice(2);
const front = folder && (await serveFolder(folder));
const server = await Server.start(front ? { '--public-url': front.url } : {});
front?.passOnTo(server.url);
const browser = await launch();

try {
  const people = await Promise.all(
    ['지은', '민호'].map((name) => Person.arrive(browser, front?.url ?? server.url, name)),
  );
  const [jieun, minho] = people;
  await jieun.enter('열리나');
  await minho.enter('열리나');
  await jieun.say('열렸다!');
  for (const person of people) await person.sees('열렸다!');
  assert.deepEqual(people.flatMap(({ complaints }) => complaints), []);
  console.log(`${folder ?? 'the page in the binary'}: opened, and a message was sent and seen`);
} finally {
  await browser.close();
  await server.stop();
  front?.close();
}
