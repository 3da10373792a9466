// Nothing visible moves while a page is loading (Cumulative Layout Shift): wide and on a phone, on a
// first visit and on a return, over a slow network.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newRoomName } from './clients.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';

const MAX_SHIFT = 0.02;
const SCREENS = {
  wide: { viewport: { width: 1280, height: 800 } },
  'on a phone': { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};
const fixture = new PageFixture();

for (const [screen, options] of Object.entries(SCREENS)) {
  test(`nothing moves while the page loads for the first time, ${screen}`, async () => {
    const room = newRoomName();
    await fixture.fillRoom(room, 30);
    const jieun = await newSlowPerson(options);
    await jieun.page.goto('/');
    await jieun.page.getByRole('link', { name: room }).waitFor();
    await assertNoShift(jieun, 'home');
    await jieun.page.goto(Person.linkTo(room));
    await jieun.nameField.waitFor();
    await assertNoShift(jieun, 'asking for a name');
  });

  test(`nothing moves while the page loads for a returning visitor, ${screen}`, async () => {
    const rooms = [newRoomName(), newRoomName(), newRoomName()];
    const jieun = await newSlowPerson(options);
    for (const [place, room] of rooms.entries()) {
      await fixture.fillRoom(room, 30);
      await jieun.page.goto(Person.linkTo(room));
      if (place === 0) await jieun.enterName();
      await jieun.waitForMessage('이야기 30');
    }
    await fixture.fillRoom(rooms[0], 1, '그사이 한 말');
    await jieun.page.goto('/');
    await jieun.page.getByRole('link', { name: rooms[0] }).getByText('2', { exact: true }).waitFor();
    await assertNoShift(jieun, 'home');
    await jieun.page.goto(Person.linkTo(rooms[1]));
    await jieun.waitForMessage('이야기 30');
    await jieun.page.locator('.room-header .people-button').waitFor();
    await assertNoShift(jieun, 'a room');
    await jieun.page.goto(Person.linkTo(rooms[0]));
    await jieun.log.locator('.unread-divider').waitFor();
    await assertNoShift(jieun, 'a room with something new');
  });
}

/** Opens a page over a slow network that records layout shifts. */
async function newSlowPerson(options) {
  const person = await fixture.newPerson('지은', options);
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

async function assertNoShift(person, where) {
  await person.page.waitForLoadState('networkidle');
  await person.waitForPaint();
  const shifts = await person.page.evaluate(() => {
    window.note({ getEntries: () => window.observer.takeRecords() });
    return window.shifts;
  });
  const together = shifts.reduce((sum, { value }) => sum + value, 0);
  assert.ok(together <= MAX_SHIFT, `${where}: ${together.toFixed(3)}: ${JSON.stringify(shifts)}`);
}
