// How messages are drawn, and their actions: by mouse, keyboard and touch. Real browsers, as in
// page.test.mjs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newRoomName } from './clients.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';

const fixture = new PageFixture();
const newPerson = (...args) => fixture.newPerson(...args);

/** Two members of one room. */
async function twoMembers(room = newRoomName()) {
  const [jieun, emma] = [await newPerson('지은'), await newPerson('Emma', { language: 'en' })];
  await jieun.joinRoom(room);
  await emma.joinRoom(room);
  return { jieun, emma, room };
}

test('markup is drawn as elements and everything else stays text', async () => {
  const { jieun, emma } = await twoMembers();
  await emma.send('*굵게*는 <script>alert(1)</script> `<b>` @지은아 [글](https://a.example/x) https://b.example/1을 [x](javascript:alert(1))');
  const body = jieun.log.locator('.message-body').last();
  await body.getByText('굵게', { exact: true }).waitFor();
  const drawn = await body.evaluate((body) => ({
    elements: [...body.querySelectorAll('*')].map((element) => element.localName),
    strong: body.querySelector('strong').textContent,
    code: body.querySelector('code').textContent,
    mention: body.querySelector('.mention.self').textContent,
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
  await emma.send('@지은, @Emma says hello');
  await jieun.log.getByText('says hello').waitFor();
  await jieun.page.reload();
  const called = jieun.log.locator('.message-body').last().locator('.mention');
  await called.nth(1).waitFor();
  assert.deepEqual(await called.allTextContents(), ['@지은', '@Emma']);
});

for (const colorScheme of ['light', 'dark']) {
  test(`one's own name is readable in one's own messages, ${colorScheme}`, async () => {
    const jieun = await newPerson('지은', { colorScheme });
    await jieun.joinRoom(newRoomName());
    await jieun.send('@지은 잊지 마');
    const mention = jieun.log.locator('[data-own] .mention.self');
    const [ink, paper] = await mention.evaluate((mention) => {
      const { color, backgroundColor } = getComputedStyle(mention);
      return [color, backgroundColor];
    });
    assert.notEqual(ink, paper);
  });
}

test('a long message is folded until it is expanded, emoji alone are large', async () => {
  const { jieun, emma } = await twoMembers();
  await emma.send(Array.from({ length: 40 }, (_, line) => `${line + 1}`).join('\n'));
  const row = jieun.log.locator('.message').last();
  const height = () => row.locator('.message-body').evaluate((body) => body.clientHeight);
  await row.getByRole('button', { name: '더 보기' }).waitFor();
  const folded = await height();
  const beginning = () => row.evaluate((row) => row.getBoundingClientRect().top);
  const above = await beginning();
  await row.getByRole('button', { name: '더 보기' }).click();
  assert.ok((await height()) > 1.5 * folded);
  await jieun.waitForPaint();
  assert.equal(await beginning(), above, 'what was read is still there');
  await row.getByRole('button', { name: '접기' }).click();
  assert.equal(await height(), folded);
  await emma.send('🎉👍🏽');
  await jieun.log.locator('.message-body[data-emoji-only]').getByText('🎉👍🏽').waitFor();
});

test('a reaction is seen by both, after a reload too, and removed by a second press', async () => {
  const { jieun, emma } = await twoMembers();
  await emma.send('저녁 먹었어요?');
  await jieun.waitForMessage('저녁 먹었어요?');
  await jieun.messageRow('저녁 먹었어요?').hover();
  await jieun.messageRow('저녁 먹었어요?').getByRole('button', { name: '이모지로 답하기' }).click();
  await jieun.page.locator('.emoji-group [data-emoji="👍"]').first().click();
  const seen = emma.messageRow('저녁 먹었어요?').getByRole('button', { name: '👍 1 지은' });
  await seen.waitFor();
  assert.equal(await seen.getAttribute('aria-pressed'), 'false');
  await seen.click();
  const own = jieun.messageRow('저녁 먹었어요?').getByRole('button', { name: '👍 2 나, Emma' });
  await own.waitFor();
  assert.equal(await own.getAttribute('aria-pressed'), 'true');
  await jieun.page.reload();
  await own.waitFor();
  assert.equal(await own.getAttribute('aria-pressed'), 'true');
  await own.click();
  await emma.messageRow('저녁 먹었어요?').getByRole('button', { name: '👍 1 you' }).waitFor();
});

test('the toolbar follows the mouse, also after a click on it', async () => {
  const { jieun, emma } = await twoMembers();
  await jieun.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  for (const text of ['하나', '둘']) {
    await emma.send(text);
    await jieun.waitForMessage(text);
  }
  for (const text of ['하나', '둘', '하나']) {
    await jieun.messageRow(text).hover();
    await jieun.messageRow(text).getByRole('button', { name: '내용 복사' }).click();
    await jieun.page.locator('.toast').getByText('복사했어요').waitFor();
    assert.equal(await jieun.page.evaluate(() => navigator.clipboard.readText()), text);
  }
});

test('the emoji picker is fetched when it is opened, and works with the keyboard alone', async () => {
  const { jieun, emma } = await twoMembers();
  const files = [];
  jieun.page.on('request', (request) => files.push(new URL(request.url()).pathname));
  await emma.send('강아지가 왔어요');
  await jieun.waitForMessage('강아지가 왔어요');
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
  await emma.messageRow('강아지가 왔어요').getByRole('button', { name: '🐶 1 지은' }).waitFor();
});

test('a deleted message is gone for both, after a reload too', async () => {
  const { jieun, emma } = await twoMembers();
  await jieun.send('잘못 보냈어요');
  await emma.waitForMessage('잘못 보냈어요');
  await jieun.messageRow('잘못 보냈어요').hover();
  await jieun.messageRow('잘못 보냈어요').getByRole('button', { name: '지우기' }).click();
  const dialog = jieun.page.getByRole('dialog', { name: '이 메시지를 지울까요?' });
  await dialog.getByText('잘못 보냈어요').waitFor();
  await dialog.getByRole('button', { name: '지우기' }).click();
  await emma.log.getByText('This message was deleted').waitFor();
  assert.equal(await emma.log.getByText('잘못 보냈어요').count(), 0);
  const tombstone = jieun.log.getByText('지운 메시지예요');
  await tombstone.hover();
  await jieun.waitForPaint();
  assert.ok(await jieun.page.getByRole('button', { name: '답장' }).isHidden(), 'nothing can be done with it any more');
  await jieun.page.reload();
  await jieun.log.getByText('지운 메시지예요').waitFor();
  assert.equal(await jieun.log.getByText('잘못 보냈어요').count(), 0);
});

test('an edit of a deleted message becomes a draft of a new one', async () => {
  const { jieun, emma } = await twoMembers();
  const value = (text) => emma.page.waitForFunction((text) => document.querySelector('.composer textarea').value === text, text);
  const takeBack = async (text) => {
    await jieun.messageRow(text).hover();
    await jieun.messageRow(text).getByRole('button', { name: '지우기' }).click();
    await jieun.page.getByRole('dialog').getByRole('button', { name: '지우기' }).click();
    await emma.log.getByText(text, { exact: true }).waitFor({ state: 'detached' });
  };
  const said = emma.page.getByText('The message you were editing was deleted.');
  await emma.send('at six');
  await jieun.waitForMessage('at six');
  await emma.waitUntilDelivered();
  await emma.composer.fill('a draft');
  await emma.messageRow('at six').hover();
  await emma.messageRow('at six').getByRole('button', { name: 'Edit', exact: true }).click();
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
  await emma.waitUntilDelivered();

  // An unchanged edit of a deleted message is discarded.
  await emma.send('never mind');
  await jieun.waitForMessage('never mind');
  await emma.waitUntilDelivered();
  await emma.composer.press('ArrowUp');
  await value('never mind');
  await takeBack('never mind');
  await said.waitFor();
  await value('');
});

test('an edit is seen by both, marked, and after a reload too', async () => {
  const { jieun, emma } = await twoMembers();
  await jieun.send('내일 6시');
  await emma.waitForMessage('내일 6시');
  await jieun.messageRow('내일 6시').hover();
  await jieun.messageRow('내일 6시').getByRole('button', { name: '고치기' }).click();
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

test('only one’s own messages can be edited, and the room’s owner can delete those of others', async () => {
  const { jieun: owner, emma } = await twoMembers();
  await owner.send('방 주인의 말');
  await emma.waitForMessage('방 주인의 말');
  const theirs = emma.messageRow('방 주인의 말');
  await theirs.hover();
  await theirs.getByRole('button', { name: 'Reply' }).waitFor();
  assert.equal(await theirs.getByRole('button', { name: 'Delete' }).count(), 0);
  assert.equal(await theirs.getByRole('button', { name: 'Edit' }).count(), 0);

  await emma.send('광고예요');
  await owner.waitForMessage('광고예요');
  const row = owner.messageRow('광고예요');
  await row.hover();
  await row.getByRole('button', { name: '지우기' }).waitFor();
  assert.equal(await row.getByRole('button', { name: '고치기' }).count(), 0);
  // With the keyboard too: past the action that this message does not have.
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

test('an open menu closes with its page, and never acts on another message', async () => {
  const jieun = await newPerson('지은');
  const rooms = [newRoomName(), newRoomName()];
  for (const room of rooms) {
    await jieun.page.goto('/');
    await (room === rooms[0] ? jieun.joinRoom(room) : jieun.page.goto(Person.linkTo(room)));
    await jieun.composer.waitFor();
    await jieun.send(`${room}의 첫마디`);
    await jieun.waitUntilDelivered();
  }
  const row = jieun.messageRow(`${rooms[1]}의 첫마디`);
  const dialog = jieun.page.getByRole('dialog', { name: '이 메시지를 지울까요?' });
  await row.hover();
  await row.getByRole('button', { name: '지우기' }).click();
  await dialog.waitFor();
  await jieun.page.keyboard.press('Alt+ArrowDown');
  await jieun.waitForPaint();
  await jieun.page.getByRole('heading', { name: rooms[1] }).waitFor();
  await jieun.page.goBack();
  await dialog.waitFor({ state: 'detached' });
  for (const room of rooms) assert.deepEqual(await fixture.readLog(room), [`${room}의 첫마디`]);
});

test('the text and the link of a message are copied', async () => {
  const { jieun, emma, room } = await twoMembers();
  await jieun.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await emma.send('*복사할* 말');
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

test('a long press opens the message menu, and a short one does not', async () => {
  const room = newRoomName();
  const emma = await newPerson('Emma', { language: 'en' });
  await emma.joinRoom(room);
  await emma.send('길게 눌러 보세요');
  await emma.waitUntilDelivered();
  const jieun = await newPerson('지은', { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
  await jieun.joinRoom(room);
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
  const reaction = emma.messageRow('길게 눌러 보세요').getByRole('button', { name: '❤️ 1 지은' });
  await reaction.waitFor();

  // A long press on a reaction shows who reacted, and changes nothing.
  const chip = await jieun.messageRow('길게 눌러 보세요').getByRole('button', { name: '❤️ 1 나' }).boundingBox();
  await touch('touchStart', [{ x: chip.x + 8, y: chip.y + 8 }]);
  await jieun.page.locator('.toast').getByText('나', { exact: true }).waitFor();
  await touch('touchEnd', []);
  await jieun.waitForPaint();
  await reaction.waitFor();
});
