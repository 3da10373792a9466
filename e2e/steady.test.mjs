// Nothing that can be seen moves while a page is loading (Cumulative Layout Shift): wide and on a
// phone, whoever comes for the first time or comes back, with a network that takes its time.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newRoom } from './clients.mjs';
import { Person } from './page.mjs';
import { Stage } from './stage.mjs';

const MOST = 0.02;
const SCREENS = {
  wide: { viewport: { width: 1280, height: 800 } },
  'on a phone': { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};
const stage = new Stage();

for (const [screen, options] of Object.entries(SCREENS)) {
  test(`nothing moves while the page loads for the first time, ${screen}`, async () => {
    const room = newRoom();
    await stage.fill(room, 30);
    const jieun = await arrive(options);
    await jieun.page.goto('/');
    await jieun.page.getByRole('link', { name: room }).waitFor();
    await steady(jieun, 'home');
    await jieun.page.goto(Person.linkTo(room));
    await jieun.nameField.waitFor();
    await steady(jieun, 'asking for a name');
  });

  test(`nothing moves while the page loads for somebody who comes back, ${screen}`, async () => {
    const rooms = [newRoom(), newRoom(), newRoom()];
    const jieun = await arrive(options);
    for (const [place, room] of rooms.entries()) {
      await stage.fill(room, 30);
      await jieun.page.goto(Person.linkTo(room));
      if (place === 0) await jieun.introduce();
      await jieun.sees('이야기 30');
    }
    await stage.fill(rooms[0], 1, '그사이 한 말');
    await jieun.page.goto('/');
    await jieun.page.getByRole('link', { name: rooms[0] }).getByText('2', { exact: true }).waitFor();
    await steady(jieun, 'home');
    await jieun.page.goto(Person.linkTo(rooms[1]));
    await jieun.sees('이야기 30');
    await jieun.page.locator('.room-header .here').waitFor();
    await steady(jieun, 'a room');
    await jieun.page.goto(Person.linkTo(rooms[0]));
    await jieun.log.locator('.unread').waitFor();
    await steady(jieun, 'a room with something new');
  });
}

/** Somebody who is far away, and whose page notes what moves. */
async function arrive(options) {
  const person = await stage.arrive('지은', options);
  await person.page.addInitScript(() => {
    window.shifts = [];
    const where = ({ node }) => node?.className || node?.nodeName;
    const note = (list) => {
      for (const { value, sources } of list.getEntries()) window.shifts.push({ value, of: sources.map(where).join(' ') });
    };
    window.observer = new PerformanceObserver(note);
    window.observer.observe({ type: 'layout-shift', buffered: true });
    window.note = note;
  });
  const devtools = await person.context.newCDPSession(person.page);
  const slow = { offline: false, latency: 100, downloadThroughput: 400_000, uploadThroughput: 400_000 };
  await devtools.send('Network.emulateNetworkConditions', slow);
  return person;
}

async function steady(person, where) {
  await person.page.waitForLoadState('networkidle');
  await person.painted();
  const shifts = await person.page.evaluate(() => {
    window.note({ getEntries: () => window.observer.takeRecords() });
    return window.shifts;
  });
  const together = shifts.reduce((sum, { value }) => sum + value, 0);
  assert.ok(together <= MOST, `${where}: ${together.toFixed(3)}: ${JSON.stringify(shifts)}`);
}
