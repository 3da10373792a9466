// Rooms: switching, the room list, full rooms, sharing, and the settings of their owner.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newRoomName } from './clients.mjs';
import { recordNotifications, recordedNotifications, setVisible } from './notification-recorder.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';
import { WebSocketProxy } from './websocket-proxy.mjs';

const fixture = new PageFixture();
const newPerson = (...args) => fixture.newPerson(...args);

test('a few letters find another room, also initial consonants alone', async () => {
  const jieun = await newPerson('지은');
  const [books, walks] = [`동네 책모임 ${newRoomName()}`, `주말 등산 ${newRoomName()}`];
  await jieun.joinRoom(walks);
  await jieun.send('일요일 8시');
  await jieun.waitUntilDelivered();
  await jieun.page.goto(Person.linkTo(books));
  await jieun.composer.waitFor();
  await jieun.page.keyboard.press('Control+k');
  const field = jieun.page.getByRole('combobox', { name: '다른 방으로 가기' });
  await field.pressSequentially('ㅈㅁㄷ');
  const first = jieun.page.getByRole('option', { name: walks });
  await first.waitFor();
  assert.equal(await first.getAttribute('aria-selected'), 'true');
  assert.equal(await field.getAttribute('aria-activedescendant'), await first.getAttribute('id'));
  await field.press('Enter');
  await jieun.page.getByRole('heading', { name: walks }).waitFor();
  await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });

  const fresh = newRoomName();
  await jieun.page.keyboard.press('Control+k');
  await field.fill(fresh);
  await jieun.page.getByRole('option', { name: fresh }).click();
  await jieun.page.getByRole('heading', { name: fresh }).waitFor();
});

test('a link is shared as text and as a QR code', async () => {
  const jieun = await newPerson('지은');
  const room = newRoomName();
  await jieun.joinRoom(room);
  await jieun.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await jieun.page.locator('.room-header .share').click();
  await jieun.page.getByRole('button', { name: '링크 복사하기' }).click();
  await jieun.page.getByRole('button', { name: '링크를 복사했어요' }).waitFor();
  const copied = await jieun.page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, new URL(Person.linkTo(room), jieun.page.url()).href);
  const drawn = jieun.page.getByRole('img', { name: '링크를 담은 QR 코드' });
  assert.ok(await drawn.evaluate((image) => image.decode().then(() => image.naturalWidth > 0)));
});

test('unread messages of other rooms are counted, also after a reload', async () => {
  const [jieun, minho] = [await newPerson('지은'), await newPerson('민호')];
  const [here, there] = [`여기 ${newRoomName()}`, `저기 ${newRoomName()}`];
  await jieun.joinRoom(there);
  await jieun.send('다른 방에 다녀올게');
  await jieun.waitUntilDelivered();
  await jieun.page.goto(Person.linkTo(here));
  await jieun.composer.waitFor();
  await minho.joinRoom(there);
  await minho.send('그래');
  await minho.send('@지은 언제 와?');
  await minho.waitUntilDelivered();
  const row = jieun.page.getByRole('link', { name: there });
  const counted = row.getByText('안 읽음 2개 나를 부른 메시지 1개');
  await counted.waitFor({ state: 'attached' });
  assert.equal(await row.locator('.badge [aria-hidden]').textContent(), '@1 · 2');
  await waitForTitle(jieun, `(2) ${here} · 마당`);
  await jieun.page.reload();
  await counted.waitFor({ state: 'attached' });
  await waitForTitle(jieun, `(2) ${here} · 마당`);

  await jieun.page.keyboard.press('Alt+Shift+ArrowDown');
  await jieun.waitForMessage('그래');
  await counted.waitFor({ state: 'detached' });
  await waitForTitle(jieun, `${there} · 마당`);
});

test('a message of one’s own from another device marks the room as read up to it', async () => {
  const [jieun, minho] = [await newPerson('지은'), await newPerson('민호')];
  const [here, there] = [`여기 ${newRoomName()}`, `저기 ${newRoomName()}`];
  await jieun.joinRoom(there);
  await jieun.page.goto(Person.linkTo(here));
  await jieun.composer.waitFor();
  await minho.joinRoom(there);
  await minho.send('언제 와?');
  await minho.waitUntilDelivered();
  const unread = jieun.page.getByRole('link', { name: there }).getByText('안 읽음 1개');
  await unread.waitFor({ state: 'attached' });
  // With the same cookie, as another program of the same person.
  const path = `/api/rooms/${encodeURIComponent(there)}/messages`;
  await jieun.page.evaluate((path) => fetch(path, { method: 'POST', body: '지금 가' }), path);
  await unread.waitFor({ state: 'detached' });
  await minho.waitForMessage('지금 가');
  await minho.send('응');
  await unread.waitFor({ state: 'attached' });
});

test('on a phone Back leads from the room to the room list, and Forward into it again', async () => {
  const jieun = await newPerson('지은', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const room = newRoomName();
  await jieun.joinRoom(room);
  await jieun.page.getByRole('link', { name: '방 목록으로' }).click();
  const link = jieun.page.getByRole('link', { name: room });
  await link.click();
  await jieun.composer.waitFor();
  await jieun.page.goBack();
  await link.waitFor();
  assert.equal(await jieun.composer.count(), 0);
  await jieun.page.goForward();
  await jieun.composer.waitFor();
});

test('on a phone the back link shows unread messages of other rooms', async () => {
  const [room, other] = [newRoomName(), newRoomName()];
  const jieun = await newPerson('지은', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await jieun.joinRoom(other);
  await jieun.send('여기 있어요');
  await jieun.waitUntilDelivered();
  await jieun.page.goto(Person.linkTo(room));
  await jieun.composer.waitFor();
  await jieun.page.getByRole('link', { name: '방 목록으로', exact: true }).waitFor();
  await fixture.fillRoom(other, 2);
  await jieun.page.getByRole('link', { name: '방 목록으로, 안 읽음 2개', exact: true }).waitFor();
});

test('a room joined after navigating back is in the room list', async () => {
  const jieun = await newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  proxy.holds = (frame) => `${frame}`.includes('["join"');
  await jieun.joinRoom(room);
  await eventually('the page to ask to be let in', () => proxy.held.length > 0);
  await jieun.page.getByRole('link', { name: '마당', exact: true }).click();
  await jieun.composer.waitFor({ state: 'detached' });
  proxy.releaseHeld();
  await jieun.page.getByRole('link', { name: room }).click();
  await jieun.page.getByRole('heading', { name: room }).waitFor();
});

test('a full room admits a waiting person, and notifies a hidden page', async () => {
  const [jieun, minho, third] = [await newPerson('지은'), await newPerson('민호'), await newPerson('수아')];
  const room = newRoomName();
  await jieun.createRoomForTwo(room);
  await minho.joinRoom(room);
  await recordNotifications(third);
  await third.openRoomLink(room);
  await third.fullRoomHeading.waitFor();
  await third.page.getByRole('button', { name: '자리가 나면 알려 주세요' }).click();
  await setVisible(third, false);

  await minho.page.getByRole('button', { name: '방 정보' }).click();
  await minho.page.getByRole('button', { name: '방에서 나가기' }).click();
  await minho.page.getByText('자리가 다 찬 방이에요').waitFor();
  await minho.page.getByRole('button', { name: '그래도 나가기' }).click();
  await third.fullRoomHeading.waitFor({ state: 'detached' });
  assert.deepEqual((await recordedNotifications(third)).shown, [`${room}에 빈자리가 났어요: `]);
  // The room left her room list.
  await minho.page.getByRole('link', { name: room, exact: true }).waitFor({ state: 'detached' });
});

test('a seat waiter is admitted at once, also after a reconnect', async () => {
  const room = newRoomName();
  const minho = await fixture.newClient('민호');
  await minho.request('join', { room, seats: 1 });
  const third = await newPerson('수아');
  const proxy = await WebSocketProxy.intercept(third);
  await third.openRoomLink(room);
  await third.fullRoomHeading.waitFor();
  const asked = new Promise((asked) => {
    proxy.answers = (frame) => void (`${frame}`.includes('["watch_seat"') && asked());
  });
  await proxy.cut();
  proxy.restore();
  await asked;
  await minho.request('leave', { room });
  // Without a notification it would ask again only after half a minute.
  await third.fullRoomHeading.waitFor({ state: 'detached', timeout: 10_000 });
  await third.composer.waitFor();
  minho.leave();
  third.ignoreConnectionErrors();
});

test('the owner sets the topic of a room, and everybody sees it', async () => {
  const [jieun, minho] = [await newPerson('지은'), await newPerson('민호')];
  const room = newRoomName();
  await jieun.joinRoom(room);
  await minho.joinRoom(room);
  await jieun.page.getByRole('button', { name: '방 정보' }).click();
  await jieun.page.getByRole('textbox', { name: '주제' }).fill('이번 주 읽을 책');
  await jieun.page.getByRole('button', { name: '저장' }).click();
  for (const person of [jieun, minho]) await person.page.locator('.topic', { hasText: '이번 주 읽을 책' }).waitFor();
  await minho.page.getByRole('button', { name: '방 정보' }).click();
  await minho.page.getByRole('button', { name: '방에서 나가기' }).waitFor();
  assert.equal(await minho.page.getByRole('textbox', { name: '주제' }).count(), 0);
});

test('the owner removes the seat limit, and a waiting person is admitted', async () => {
  const [jieun, minho, third] = [await newPerson('지은'), await newPerson('민호'), await newPerson('수아')];
  const room = newRoomName();
  await jieun.createRoomForTwo(room);
  await minho.joinRoom(room);
  await third.openRoomLink(room);
  await third.fullRoomHeading.waitFor();
  await jieun.page.getByRole('button', { name: '방 정보' }).click();
  await jieun.page.getByRole('textbox', { name: '자리 수' }).fill('');
  await jieun.page.getByRole('button', { name: '저장' }).click();
  await jieun.page.getByRole('dialog').waitFor({ state: 'detached' });
  await third.composer.waitFor();
  for (const person of [jieun, minho]) await person.log.getByText('지은 님이 자리 제한을 없앴어요').waitFor();

  // Another change does not mention the seats.
  await jieun.page.getByRole('button', { name: '방 정보' }).click();
  await jieun.page.getByRole('textbox', { name: '주제' }).fill('누구나');
  await jieun.page.getByRole('button', { name: '저장' }).click();
  await minho.log.getByText('지은 님이 주제를 바꿨어요: 누구나', { exact: true }).waitFor();
});

function waitForTitle({ page }, title) {
  return page.waitForFunction((title) => document.title === title, title);
}
