// How long a first visit takes on a slow phone: node e2e/first-visit.mjs
// Opens the link to a room with an empty cache, a processor four times slower, 1.6 Mbit/s and 150 ms
// round trip. Prints, in milliseconds, when something is painted, when there is text, and when one can
// type one's name; the median of five visits.

import { launch, Person } from './page.mjs';
import { Server } from './server.mjs';

const VISITS = 5;
const NETWORK = { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 200_000 };

const server = await Server.start();
const browser = await launch();
try {
  const visits = [];
  for (let number = 0; number < VISITS; number += 1) visits.push(await measureVisit());
  const middle = (what) => visits.map((times) => times[what]).sort((one, other) => one - other)[VISITS >> 1];
  for (const what of ['painted', 'text', 'typing']) console.log(what.padEnd(8), `${Math.round(middle(what))} ms`);
} finally {
  await browser.close();
  await server.stop();
}

async function measureVisit() {
  const { context, page, nameField } = await Person.open(browser, server.url, '지은');
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', NETWORK);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await page.addInitScript(() => {
    const times = (window.times = {});
    const look = () => {
      if (document.body?.innerText.trim()) times.text ??= performance.now();
      if (document.activeElement?.matches('input, textarea')) times.typing ??= performance.now();
      if (!times.typing) requestAnimationFrame(look);
    };
    look();
  });
  await page.goto(Person.linkTo('첫 방문'));
  await nameField.waitFor();
  await page.waitForFunction(() => window.times.typing);
  const times = await page.evaluate(() => {
    const [paint] = performance.getEntriesByName('first-contentful-paint');
    return { ...window.times, painted: paint?.startTime ?? NaN };
  });
  await context.close();
  return times;
}
