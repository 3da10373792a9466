// What is said, as it is drawn, and what can be done with it: by mouse, keyboard and finger.
// Real browsers, as in page.test.mjs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newRoom } from './clients.mjs';
import { Person } from './page.mjs';
import { Stage } from './stage.mjs';

const stage = new Stage();
const arrive = (...who) => stage.arrive(...who);

/** Two people in one room. */
async function two(room = newRoom()) {
  const [jieun, emma] = [await arrive('지은'), await arrive('Emma', { language: 'en' })];
  await jieun.enter(room);
  await emma.enter(room);
  return { jieun, emma, room };
}

test('marks are drawn as elements and everything else stays text', async () => {
  const { jieun, emma } = await two();
  await emma.say('*굵게*는 <script>alert(1)</script> `<b>` @지은아 [글](https://a.example/x) https://b.example/1을 [x](javascript:alert(1))');
  const body = jieun.log.locator('.body').last();
  await body.getByText('굵게', { exact: true }).waitFor();
  const drawn = await body.evaluate((body) => ({
    elements: [...body.querySelectorAll('*')].map((element) => element.localName),
    strong: body.querySelector('strong').textContent,
    code: body.querySelector('code').textContent,
    mention: body.querySelector('.mention.of-me').textContent,
    links: [...body.querySelectorAll('a')].map(({ href, target, rel }) => [href, target, rel]),
    text: body.textContent,
  }));
  assert.deepEqual(drawn.elements, ['p', 'strong', 'code', 'span', 'a', 'a']);
  assert.deepEqual([drawn.strong, drawn.code, drawn.mention], ['굵게', '<b>', '@지은']);
  const safely = ['_blank', 'noopener noreferrer nofollow'];
  assert.deepEqual(drawn.links, [
    ['https://a.example/x', ...safely],
    ['https://b.example/1', ...safely],
  ]);
  assert.match(drawn.text, /<script>alert\(1\)<\/script>.*\[x\]\(javascript:alert\(1\)\)/);
  await emma.say('@지은, @Emma says hello');
  await jieun.log.getByText('says hello').waitFor();
  await jieun.page.reload();
  const called = jieun.log.locator('.body').last().locator('.mention');
  await called.nth(1).waitFor();
  assert.deepEqual(await called.allTextContents(), ['@지은', '@Emma']);
});

for (const colorScheme of ['light', 'dark']) {
  test(`one can read one's own name in what one says oneself, ${colorScheme}`, async () => {
    const jieun = await arrive('지은', { colorScheme });
    await jieun.enter(newRoom());
    await jieun.say('@지은 잊지 마');
    const mention = jieun.log.locator('[data-own] .mention.of-me');
    const [ink, paper] = await mention.evaluate((mention) => {
      const { color, backgroundColor } = getComputedStyle(mention);
      return [color, backgroundColor];
    });
    assert.notEqual(ink, paper);
  });
}

test('a long message is folded until one wants all of it, emoji alone are large', async () => {
  const { jieun, emma } = await two();
  await emma.say(Array.from({ length: 40 }, (_, line) => `${line + 1}`).join('\n'));
  const row = jieun.log.locator('.message').last();
  const height = () => row.locator('.body').evaluate((body) => body.clientHeight);
  await row.getByRole('button', { name: '더 보기' }).waitFor();
  const folded = await height();
  const beginning = () => row.evaluate((row) => row.getBoundingClientRect().top);
  const above = await beginning();
  await row.getByRole('button', { name: '더 보기' }).click();
  assert.ok((await height()) > 1.5 * folded);
  await jieun.painted();
  assert.equal(await beginning(), above, 'what was read is still there');
  await row.getByRole('button', { name: '접기' }).click();
  assert.equal(await height(), folded);
  await emma.say('🎉👍🏽');
  await jieun.log.locator('.body[data-large]').getByText('🎉👍🏽').waitFor();
});

test('a reaction is seen by both, after a reload too, and taken away by a second press', async () => {
  const { jieun, emma } = await two();
  await emma.say('저녁 먹었어요?');
  await jieun.sees('저녁 먹었어요?');
  await jieun.row('저녁 먹었어요?').hover();
  await jieun.row('저녁 먹었어요?').getByRole('button', { name: '이모지로 답하기' }).click();
  await jieun.page.locator('.emoji-group [data-emoji="👍"]').first().click();
  const seen = emma.row('저녁 먹었어요?').getByRole('button', { name: '👍 1 지은' });
  await seen.waitFor();
  assert.equal(await seen.getAttribute('aria-pressed'), 'false');
  await seen.click();
  const own = jieun.row('저녁 먹었어요?').getByRole('button', { name: '👍 2 나, Emma' });
  await own.waitFor();
  assert.equal(await own.getAttribute('aria-pressed'), 'true');
  await jieun.page.reload();
  await own.waitFor();
  assert.equal(await own.getAttribute('aria-pressed'), 'true');
  await own.click();
  await emma.row('저녁 먹었어요?').getByRole('button', { name: '👍 1 you' }).waitFor();
});

test('the toolbar follows the mouse, also after a click on it', async () => {
  const { jieun, emma } = await two();
  await jieun.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  for (const text of ['하나', '둘']) {
    await emma.say(text);
    await jieun.sees(text);
  }
  for (const text of ['하나', '둘', '하나']) {
    await jieun.row(text).hover();
    await jieun.row(text).getByRole('button', { name: '내용 복사' }).click();
    await jieun.page.locator('.said').getByText('복사했어요').waitFor();
    assert.equal(await jieun.page.evaluate(() => navigator.clipboard.readText()), text);
  }
});

test('the picker is fetched when it is opened, and held by keyboard alone', async () => {
  const { jieun, emma } = await two();
  const files = [];
  jieun.page.on('request', (request) => files.push(new URL(request.url()).pathname));
  await emma.say('강아지가 왔어요');
  await jieun.sees('강아지가 왔어요');
  assert.ok(!files.some((path) => path.includes('emoji')), 'nobody has looked for an emoji yet');
  await jieun.log.focus();
  await jieun.page.keyboard.press('ArrowUp');
  await jieun.page.keyboard.press('Enter');
  await jieun.page.keyboard.press('Enter');
  const field = jieun.page.getByRole('searchbox', { name: '이모지 찾기' });
  await field.waitFor();
  await jieun.page.getByRole('heading', { name: '음식' }).waitFor();
  assert.ok(files.includes('/emoji.ko.txt'));
  await jieun.page.keyboard.type('강아지 얼');
  await jieun.page.getByRole('button', { name: '강아지 얼굴' }).waitFor();
  await field.press('ArrowDown');
  assert.equal(await jieun.page.evaluate(() => document.activeElement.dataset.emoji), '🐶');
  await jieun.page.keyboard.press('Enter');
  await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });
  await emma.row('강아지가 왔어요').getByRole('button', { name: '🐶 1 지은' }).waitFor();
});

test('what is taken back is gone for both, after a reload too', async () => {
  const { jieun, emma } = await two();
  await jieun.say('잘못 보냈어요');
  await emma.sees('잘못 보냈어요');
  await jieun.row('잘못 보냈어요').hover();
  await jieun.row('잘못 보냈어요').getByRole('button', { name: '지우기' }).click();
  const dialog = jieun.page.getByRole('dialog', { name: '이 메시지를 지울까요?' });
  await dialog.getByText('잘못 보냈어요').waitFor();
  await dialog.getByRole('button', { name: '지우기' }).click();
  await emma.log.getByText('This message was deleted').waitFor();
  assert.equal(await emma.log.getByText('잘못 보냈어요').count(), 0);
  const tombstone = jieun.log.getByText('지운 메시지예요');
  await tombstone.hover();
  await jieun.painted();
  assert.ok(await jieun.page.getByRole('button', { name: '답장' }).isHidden(), 'nothing can be done with it any more');
  await jieun.page.reload();
  await jieun.log.getByText('지운 메시지예요').waitFor();
  assert.equal(await jieun.log.getByText('잘못 보냈어요').count(), 0);
});

test('what was being written over a message that is taken back becomes one of its own', async () => {
  const { jieun, emma } = await two();
  const value = (text) => emma.page.waitForFunction((text) => document.querySelector('.composer textarea').value === text, text);
  const takeBack = async (text) => {
    await jieun.row(text).hover();
    await jieun.row(text).getByRole('button', { name: '지우기' }).click();
    await jieun.page.getByRole('dialog').getByRole('button', { name: '지우기' }).click();
    await emma.log.getByText(text, { exact: true }).waitFor({ state: 'detached' });
  };
  const said = emma.page.getByText('The message you were editing was deleted.');
  await emma.say('at six');
  await jieun.sees('at six');
  await emma.hasSaidAll();
  await emma.composer.fill('a draft');
  await emma.row('at six').hover();
  await emma.row('at six').getByRole('button', { name: 'Edit', exact: true }).click();
  await value('at six');
  await emma.composer.fill('at seven, by the door');
  await takeBack('at six');
  await said.waitFor();
  await value('a draft\nat seven, by the door');
  await emma.page.locator('.banner').waitFor({ state: 'hidden' });
  await emma.page.reload();
  await value('a draft\nat seven, by the door');
  await emma.composer.press('Enter');
  await jieun.log.locator('.message').filter({ hasText: 'at seven, by the door' }).waitFor();
  await emma.hasSaidAll();

  // What nobody had changed is gone for good.
  await emma.say('never mind');
  await jieun.sees('never mind');
  await emma.hasSaidAll();
  await emma.composer.press('ArrowUp');
  await value('never mind');
  await takeBack('never mind');
  await said.waitFor();
  await value('');
});

test('an edit is seen by both, marked, and after a reload too', async () => {
  const { jieun, emma } = await two();
  await jieun.say('내일 6시');
  await emma.sees('내일 6시');
  await jieun.row('내일 6시').hover();
  await jieun.row('내일 6시').getByRole('button', { name: '고치기' }).click();
  await jieun.page.waitForFunction(() => document.querySelector('.composer textarea').value === '내일 6시');
  await jieun.composer.fill('내일 *7시*');
  await jieun.composer.press('Enter');
  const edited = emma.log.locator('.message').filter({ hasText: '내일 7시' });
  await edited.getByText('edited').waitFor();
  assert.equal(await edited.locator('strong').textContent(), '7시');
  assert.equal(await emma.log.getByText('내일 6시').count(), 0);
  await jieun.page.reload();
  await jieun.log.locator('.message').filter({ hasText: '내일 7시' }).getByText('수정됨').waitFor();
});

test('only what is one’s own can be changed, and the room’s owner takes back what others said', async () => {
  const { jieun: owner, emma } = await two();
  await owner.say('방 주인의 말');
  await emma.sees('방 주인의 말');
  const theirs = emma.row('방 주인의 말');
  await theirs.hover();
  await theirs.getByRole('button', { name: 'Reply' }).waitFor();
  assert.equal(await theirs.getByRole('button', { name: 'Delete' }).count(), 0);
  assert.equal(await theirs.getByRole('button', { name: 'Edit' }).count(), 0);

  await emma.say('광고예요');
  await owner.sees('광고예요');
  const row = owner.row('광고예요');
  await row.hover();
  await row.getByRole('button', { name: '지우기' }).waitFor();
  assert.equal(await row.getByRole('button', { name: '고치기' }).count(), 0);
  // By keys too: past the action that is not for this message.
  await row.getByRole('button', { name: '답장' }).focus();
  for (let presses = 0; presses < 3; presses += 1) await owner.page.keyboard.press('ArrowRight');
  await row.getByRole('button', { name: '지우기' }).and(owner.page.locator(':focus')).waitFor();
  await owner.page.keyboard.press('Enter');
  const dialog = owner.page.getByRole('dialog', { name: '이 메시지를 지울까요?' });
  await dialog.getByText('광고예요').waitFor();
  await dialog.getByRole('button', { name: '지우기' }).click();
  await emma.log.getByText('This message was deleted').waitFor();
  assert.equal(await emma.log.getByText('광고예요').count(), 0);
});

test('what lies over a page goes with it, and is never about a message of another', async () => {
  const jieun = await arrive('지은');
  const rooms = [newRoom(), newRoom()];
  for (const room of rooms) {
    await jieun.page.goto('/');
    await (room === rooms[0] ? jieun.enter(room) : jieun.page.goto(Person.linkTo(room)));
    await jieun.composer.waitFor();
    await jieun.say(`${room}의 첫마디`);
    await jieun.hasSaidAll();
  }
  const row = jieun.row(`${rooms[1]}의 첫마디`);
  const dialog = jieun.page.getByRole('dialog', { name: '이 메시지를 지울까요?' });
  await row.hover();
  await row.getByRole('button', { name: '지우기' }).click();
  await dialog.waitFor();
  await jieun.page.keyboard.press('Alt+ArrowDown');
  await jieun.painted();
  await jieun.page.getByRole('heading', { name: rooms[1] }).waitFor();
  await jieun.page.goBack();
  await dialog.waitFor({ state: 'detached' });
  for (const room of rooms) assert.deepEqual(await stage.log(room), [`${room}의 첫마디`]);
});

test('the text and the link of a message are copied', async () => {
  const { jieun, emma, room } = await two();
  await jieun.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await emma.say('*복사할* 말');
  const row = jieun.log.locator('.message').filter({ hasText: '복사할 말' });
  await row.hover();
  const copied = () => jieun.page.evaluate(() => navigator.clipboard.readText());
  await row.getByRole('button', { name: '내용 복사' }).click();
  await jieun.page.getByRole('status').getByText('복사했어요').waitFor();
  assert.equal(await copied(), '*복사할* 말');
  await row.getByRole('button', { name: '링크 복사하기' }).click();
  await jieun.page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith('http'));
  const link = new URL(await copied());
  assert.equal(link.pathname, `${Person.linkTo(room)}/1`);
});

test('a long press opens what one can do, and a short one does not', async () => {
  const room = newRoom();
  const emma = await arrive('Emma', { language: 'en' });
  await emma.enter(room);
  await emma.say('길게 눌러 보세요');
  await emma.hasSaidAll();
  const jieun = await arrive('지은', { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
  await jieun.enter(room);
  const text = jieun.log.getByText('길게 눌러 보세요');
  await text.tap();
  const { x, y } = await text.boundingBox();
  const fingers = await jieun.context.newCDPSession(jieun.page);
  const touch = (type, touchPoints) => fingers.send('Input.dispatchTouchEvent', { type, touchPoints });
  assert.equal(await jieun.page.locator('dialog[open]').count(), 0);
  await touch('touchStart', [{ x: x + 8, y: y + 8 }]);
  const sheet = jieun.page.getByRole('dialog', { name: '메시지로 할 수 있는 일' });
  await sheet.waitFor();
  await touch('touchEnd', []);
  await sheet.locator('[data-emoji="❤️"]').click();
  await sheet.waitFor({ state: 'detached' });
  const reaction = emma.row('길게 눌러 보세요').getByRole('button', { name: '❤️ 1 지은' });
  await reaction.waitFor();

  // On a reaction it tells who it was, and changes nothing.
  const chip = await jieun.row('길게 눌러 보세요').getByRole('button', { name: '❤️ 1 나' }).boundingBox();
  await touch('touchStart', [{ x: chip.x + 8, y: chip.y + 8 }]);
  await jieun.page.locator('.said').getByText('나', { exact: true }).waitFor();
  await touch('touchEnd', []);
  await jieun.painted();
  await reaction.waitFor();
});
