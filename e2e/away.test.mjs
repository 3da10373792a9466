// Who has not touched their page for five minutes is away, and back with the first sign of life.

import { test } from 'node:test';

import { newRoom } from './clients.mjs';
import { Stage } from './stage.mjs';

const stage = new Stage();

/** Both in a room, the second with the list of people open; the first one's clock is ours. */
async function two() {
  const [jieun, minho] = [await stage.arrive('지은'), await stage.arrive('민호')];
  const room = newRoom();
  await jieun.page.clock.install();
  await jieun.enter(room);
  await minho.enter(room);
  await minho.page.locator('.room-header .here').click();
  const away = minho.page.locator('.people li[data-away]').filter({ hasText: '지은' });
  return { jieun, minho, away };
}

const here = (away) => away.waitFor({ state: 'detached' });

test('who touches nothing for five minutes is away, and back with the first key', async () => {
  const { jieun, minho, away } = await two();
  await jieun.page.clock.fastForward('04:30');
  await jieun.page.mouse.move(10, 10);
  await jieun.page.clock.fastForward('04:30');
  await jieun.say('아직 있어요');
  await minho.sees('아직 있어요');
  await here(away);
  await jieun.page.clock.fastForward('05:01');
  await away.waitFor();
  await jieun.page.keyboard.press('Shift');
  await here(away);
  await jieun.page.clock.fastForward('05:01');
  await away.waitFor();
  await jieun.page.mouse.click(20, 20);
  await here(away);
});

test('a page out of sight is away after five minutes, not at once, and back when it is seen', async () => {
  const { jieun, minho, away } = await two();
  const turn = (hidden) =>
    jieun.page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await turn(true);
  await jieun.page.clock.fastForward('04:30');
  await minho.say('어디 갔어요?');
  await jieun.sees('어디 갔어요?');
  await here(away);
  await jieun.page.clock.fastForward('00:31');
  await away.waitFor();
  await turn(false);
  await here(away);
});

test('who is away stays so over a lost connection', async () => {
  const { jieun, minho, away } = await two();
  await jieun.page.clock.fastForward('05:01');
  await away.waitFor();
  await stage.server.kill();
  await stage.server.reopen();
  await minho.page.locator('.people li').filter({ hasText: '지은' }).waitFor();
  await away.waitFor();
  for (const person of [jieun, minho]) person.forgiveLostConnections();
});
