// A person who does not use their page for five minutes is away, and back with the first input.

import { test } from 'node:test';

import { newRoomName } from './clients.mjs';
import { PageFixture } from './page-fixture.mjs';

const fixture = new PageFixture();

/** Two people in a room, the second with the list of members open; the clock of the first is controlled. */
async function twoMembers() {
  const [jieun, minho] = [await fixture.newPerson('지은'), await fixture.newPerson('민호')];
  const room = newRoomName();
  await jieun.page.clock.install();
  await jieun.joinRoom(room);
  await minho.joinRoom(room);
  await minho.page.locator('.room-header .people-button').click();
  const away = minho.page.locator('.people li[data-away]').filter({ hasText: '지은' });
  return { jieun, minho, away };
}

const waitUntilBack = (away) => away.waitFor({ state: 'detached' });

test('a person is away after five idle minutes and back with the first key', async () => {
  const { jieun, minho, away } = await twoMembers();
  await jieun.page.clock.fastForward('04:30');
  await jieun.page.mouse.move(10, 10);
  await jieun.page.clock.fastForward('04:30');
  await jieun.send('아직 있어요');
  await minho.waitForMessage('아직 있어요');
  await waitUntilBack(away);
  await jieun.page.clock.fastForward('05:01');
  await away.waitFor();
  await jieun.page.keyboard.press('Shift');
  await waitUntilBack(away);
  await jieun.page.clock.fastForward('05:01');
  await away.waitFor();
  await jieun.page.mouse.click(20, 20);
  await waitUntilBack(away);
});

test('a hidden page is away after five minutes, not at once, and back when it is shown', async () => {
  const { jieun, minho, away } = await twoMembers();
  const turn = (hidden) =>
    jieun.page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await turn(true);
  await jieun.page.clock.fastForward('04:30');
  await minho.send('어디 갔어요?');
  await jieun.waitForMessage('어디 갔어요?');
  await waitUntilBack(away);
  await jieun.page.clock.fastForward('00:31');
  await away.waitFor();
  await turn(false);
  await waitUntilBack(away);
});

test('an away person stays away after a reconnect', async () => {
  const { jieun, minho, away } = await twoMembers();
  await jieun.page.clock.fastForward('05:01');
  await away.waitFor();
  await fixture.server.kill();
  await fixture.server.restart();
  await minho.page.locator('.people li').filter({ hasText: '지은' }).waitFor();
  await away.waitFor();
  for (const person of [jieun, minho]) person.ignoreConnectionErrors();
});
