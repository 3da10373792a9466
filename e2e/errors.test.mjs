// Error states: each is caused and checked as a person would see it, and no text is lost.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { eventually, newRoomName } from './clients.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';
import { binary } from './server.mjs';
import { WebSocketProxy } from './websocket-proxy.mjs';

const fixture = new PageFixture();
const newPerson = (...args) => fixture.newPerson(...args);

const connection = ({ page }) => page.locator('.connection-status');

test('a lost connection is shown after a while, and the composer stays usable', async () => {
  const jieun = await newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  await jieun.page.clock.install();
  await proxy.cut();
  await jieun.send('끊겼을 때 쓴 말');
  await jieun.page.clock.runFor(3_000);
  assert.equal(await connection(jieun).getByText('연결이 끊겼어요').count(), 0, 'it is too early to say so');
  await jieun.page.clock.runFor(4_000);
  await connection(jieun).getByText('연결이 끊겼어요').waitFor();
  await jieun.messageRow('끊겼을 때 쓴 말').getByText('기다리는 중').waitFor();
  assert.ok(await jieun.composer.isEditable());
  await jieun.composer.fill('아직 쓰는 중');
  proxy.restore();
  await eventually('the connection to be back', async () => {
    await jieun.page.clock.runFor(1_000);
    return (await connection(jieun).textContent()) === '';
  });
  await jieun.waitUntilDelivered();
  assert.equal(await jieun.composer.inputValue(), '아직 쓰는 중');
  assert.deepEqual(await fixture.readLog(room), ['끊겼을 때 쓴 말']);
  jieun.ignoreConnectionErrors();
});

test('a pending message is marked, and a refused one can be sent again', async () => {
  const jieun = await newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  proxy.holds = (frame) => `${frame}`.includes('["send"');
  await jieun.send('가는 중인 말');
  await jieun.log.locator('.message[data-delivery=sending]').getByText('보내는 중…').waitFor();
  proxy.releaseHeld();
  await jieun.waitUntilDelivered();

  proxy.refuse('message_unreadable', (command) => command === 'send');
  await jieun.send('안 가는 말');
  const failed = jieun.log.locator('.message[data-delivery=failed]');
  await failed.getByText('보내지 못했어요. 메시지에 보낼 수 없는 글자가 들어 있어요.').waitFor();
  proxy.answers = () => undefined;
  await failed.getByRole('button', { name: '다시 보내기' }).click();
  await failed.waitFor({ state: 'detached' });
  await jieun.waitUntilDelivered();
  assert.deepEqual(await fixture.readLog(room), ['가는 중인 말', '안 가는 말']);
});

test('a panic in the page offers a reload and loses no draft', async () => {
  const [jieun, minho] = [await newPerson('지은'), await newPerson('민호')];
  const room = newRoomName();
  await jieun.joinRoom(room);
  await minho.joinRoom(room);
  await jieun.composer.fill('공들여 쓴 긴 글');
  // The page assumes that `createElement` works, so a browser in which it fails causes a panic.
  await jieun.page.evaluate(() => {
    const { createElement } = document;
    document.createElement = (tag) => {
      if (tag === 'dialog') throw new TypeError('no dialogs today');
      return createElement.call(document, tag);
    };
  });
  await jieun.page.locator('.room-header .share').click();
  const bar = jieun.page.getByRole('alert').filter({ hasText: '문제가 생겨 화면이 멈췄어요. 쓴 글은 남아 있어요.' });
  await bar.waitFor();
  await bar.getByRole('button', { name: '새로고침' }).click();
  await jieun.composer.waitFor();
  await jieun.page.waitForFunction(() => document.querySelector('.composer textarea').value === '공들여 쓴 긴 글');
  await jieun.composer.press('Enter');
  await minho.waitForMessage('공들여 쓴 긴 글');
  assert.ok(jieun.errors.some((text) => text.includes('unreachable')), `it was no panic: ${jieun.errors}`);
  jieun.errors = [];
});

test('a server with a newer protocol asks for a reload', async () => {
  const jieun = await newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  await jieun.openRoomLink(newRoomName());
  await jieun.composer.waitFor();
  proxy.answers = (frame) => {
    const [, ack] = `${frame}`.match(/^42(\d+)\["hello"/) ?? [];
    return ack && `43${ack}[{"you":{"id":"0000000000000001","name":"지은"},"protocol":2}]`;
  };
  await proxy.cut();
  proxy.restore();
  const said = connection(jieun).getByRole('button', { name: '새로고침' });
  await said.waitFor();
  proxy.answers = () => undefined;
  await said.click();
  await said.waitFor({ state: 'detached' });
  await jieun.composer.waitFor();
  jieun.ignoreConnectionErrors();
});

test('an invalid name is refused with the reason, and an unknown address shows an error page', async () => {
  const jieun = await newPerson('지은');
  await jieun.page.goto(Person.linkTo(newRoomName()));
  for (const [name, reason] of [
    ['가'.repeat(33), '너무 길어요. 32자까지 쓸 수 있어요.'],
    ['지\u202e은', '보이지 않는 글자가 들어 있어요.'],
  ]) {
    await jieun.nameField.fill(name);
    await jieun.nameField.press('Enter');
    await jieun.page.getByRole('alert').filter({ hasText: reason }).waitFor();
  }
  await jieun.nameField.fill('지은');
  await jieun.nameField.press('Enter');
  await jieun.composer.waitFor();
  await jieun.page.goto('/r/a/b/c');
  await jieun.page.getByRole('heading', { name: '여기에는 아무것도 없어요' }).waitFor();
  for (const [name, reason] of [
    ['%E2%80%AEx', '보이지 않는 글자가 들어 있어요.'],
    ['a'.repeat(65), '너무 길어요. 64자까지 쓸 수 있어요.'],
    ['a%2Fb', '방 이름에는 빗금(/, \\)을 쓸 수 없고'],
  ]) {
    await jieun.page.goto(`/r/${name}`);
    await jieun.page.getByText(reason).waitFor();
  }
  jieun.errors = jieun.errors.filter((text) => !text.includes('404'));
});

test('a refused field of a new room is marked, described and focused', async () => {
  const jieun = await newPerson('지은');
  const { page } = jieun;
  await page.goto('/');
  const field = (name) => page.getByRole('textbox', { name, exact: true });
  const refused = () => page.locator('[aria-invalid=true]');
  const is = async (name, reason) => {
    await page.locator('.form-note', { hasText: reason }).waitFor();
    await field(name).and(page.locator(':focus')).and(refused()).waitFor();
    assert.equal(await refused().count(), 1);
    const note = await refused().getAttribute('aria-describedby');
    assert.match(await page.locator(`#${note}`).textContent(), new RegExp(reason));
  };
  await page.getByText(jieun.labels.details).click();
  await field('방 이름').press('Enter');
  await is('방 이름', '한 글자 이상');
  await field('방 이름').fill(newRoomName());
  assert.equal(await refused().count(), 0);
  await field('자리 수').fill('둘');
  // The section with the refused field is expanded.
  await page.getByText(jieun.labels.details).click();
  await field('방 이름').press('Enter');
  await is('자리 수', '1개에서 1,000개');
  await field('주제').fill('가'.repeat(251));
  await field('주제').press('Enter');
  await is('주제', '250자');
  await field('주제').fill('');
  await field('자리 수').fill('2');
  await field('자리 수').press('Enter');
  await jieun.enterName();
  await jieun.composer.waitFor();
});

test('an edit, a deletion and a reaction made without a connection arrive once, an edit also across a reload', async () => {
  const [jieun, minho] = [await newPerson('지은'), await newPerson('민호')];
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  for (const text of ['고칠 말', '지울 말', '좋은 말']) await jieun.send(text);
  await jieun.waitUntilDelivered();
  await minho.joinRoom(room);
  await minho.waitForMessage('좋은 말');
  await proxy.cut();

  const act = async (text, name) => {
    await jieun.messageRow(text).hover();
    await jieun.messageRow(text).getByRole('button', { name, exact: true }).click();
  };
  await act('지울 말', '지우기');
  await jieun.page.getByRole('dialog').getByRole('button', { name: '지우기', exact: true }).click();
  await act('좋은 말', '이모지로 답하기');
  await jieun.page.locator('.emoji-group [data-emoji="👍"]').first().click();
  await act('고칠 말', '고치기');
  await jieun.composer.fill('고친 말');
  await jieun.composer.press('Enter');
  // Shown at once, before the server has confirmed them.
  await jieun.log.getByText('지운 메시지예요').waitFor();
  await jieun.messageRow('좋은 말').getByRole('button', { name: '👍 1 나' }).waitFor();
  await jieun.log.locator('.message[data-pending-edit=sending]').filter({ hasText: '고친 말' }).waitFor();
  proxy.restore();
  await minho.log.locator('.message').filter({ hasText: '고친 말' }).getByText('수정됨').waitFor();
  await minho.log.getByText('지운 메시지예요').waitFor();
  await minho.messageRow('좋은 말').getByRole('button', { name: '👍 1 지은' }).waitFor();

  await proxy.cut();
  await jieun.composer.press('ArrowUp');
  await jieun.page.waitForFunction(() => document.querySelector('.composer textarea').value === '좋은 말');
  await jieun.composer.fill('더 좋은 말');
  await jieun.composer.press('Enter');
  await jieun.log.locator('.message[data-pending-edit=sending]').filter({ hasText: '더 좋은 말' }).waitFor();
  await jieun.page.reload();
  proxy.restore();
  await minho.log.locator('.message').filter({ hasText: '더 좋은 말' }).waitFor();

  const reader = await fixture.newClient('서기');
  await reader.request('join', { room });
  const { events } = await reader.request('history', { room, after: 0 });
  reader.leave();
  const kinds = events.map(({ what }) => Object.keys(what)[0]).sort();
  assert.deepEqual(kinds, ['deleted', 'edited', 'edited', 'posted', 'posted', 'reacted', 'withdrawn']);
  jieun.ignoreConnectionErrors();
});

test('a pending edit in one tab survives changes of another, and is dropped with its room', async () => {
  const jieun = await newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  for (const text of ['고칠 말', '좋은 말']) await jieun.send(text);
  await jieun.waitUntilDelivered();
  const other = await fixture.newWindow(jieun);
  await other.page.goto(Person.linkTo(room));
  await other.waitForMessage('좋은 말');
  const edit = async (text, better) => {
    await jieun.messageRow(text).hover();
    await jieun.messageRow(text).getByRole('button', { name: '고치기', exact: true }).click();
    await jieun.composer.fill(better);
    await jieun.composer.press('Enter');
    await jieun.log.locator('.message[data-pending-edit=sending]').filter({ hasText: better }).waitFor();
  };
  await proxy.cut();
  await edit('고칠 말', '고친 말');
  await other.messageRow('좋은 말').hover();
  await other.messageRow('좋은 말').getByRole('button', { name: '이모지로 답하기', exact: true }).click();
  await other.page.locator('.emoji-group [data-emoji="👍"]').first().click();
  await other.messageRow('좋은 말').getByRole('button', { name: '👍 1 나' }).waitFor();
  await jieun.page.reload();
  proxy.restore();
  for (const window of [jieun, other]) {
    await window.log.locator('.message').filter({ hasText: '고친 말' }).getByText('수정됨').waitFor();
  }

  await proxy.cut();
  await edit('좋은 말', '더 좋은 말');
  const kept = () => jieun.page.evaluate(() => localStorage.getItem('madang/edits'));
  assert.match(await kept(), /더 좋은 말/);
  await jieun.page.getByRole('button', { name: jieun.labels.about, exact: true }).click();
  await jieun.page.getByRole('button', { name: '방에서 나가기' }).click();
  await eventually('nothing is kept of it', async () => (await kept()) === null);
  jieun.ignoreConnectionErrors();
  other.ignoreConnectionErrors();
});

test('a failed kick says why', async () => {
  const jieun = await newPerson('지은');
  const proxy = await WebSocketProxy.intercept(jieun);
  const room = newRoomName();
  await jieun.joinRoom(room);
  await jieun.send('내가 연 방');
  await jieun.waitUntilDelivered();
  const guest = await fixture.newClient('수빈');
  await guest.request('join', { room });
  proxy.refuse('too_fast', (command) => command === 'remove');
  await jieun.page.locator('.room-header .people-button').click();
  await jieun.page.getByRole('button', { name: '수빈: 내보내기' }).click();
  const sure = jieun.page.getByRole('dialog', { name: '이 사람을 내보낼까요?' });
  await sure.getByRole('button', { name: '내보내기' }).click();
  await sure.getByRole('alert').filter({ hasText: '너무 빨라요.' }).waitFor();
  proxy.answers = () => undefined;
  await sure.getByRole('button', { name: '내보내기' }).click();
  await sure.waitFor({ state: 'detached' });
  await jieun.page.locator('.people li').filter({ hasText: '수빈' }).waitFor({ state: 'detached' });
  guest.leave();
});

test('a banned person sees that the room is closed to them, and is not rejoined automatically', async () => {
  const [jieun, minho] = [await newPerson('지은'), await newPerson('민호')];
  const [room, other] = [newRoomName(), newRoomName()];
  const proxy = await WebSocketProxy.intercept(minho);
  const joins = [];
  const knocks = () => joins.filter((name) => name === room).length;
  await jieun.joinRoom(room);
  await jieun.send('내가 연 방');
  await jieun.waitUntilDelivered();
  await minho.joinRoom(other);
  await minho.send('여기는 다른 방');
  await minho.waitUntilDelivered();
  await minho.page.goto(Person.linkTo(room));
  await minho.composer.waitFor();
  assert.equal(await minho.page.locator('.people .kick-button').count(), 0, 'only the owner removes');
  const guest = await fixture.newClient('수빈');
  await guest.request('join', { room });
  proxy.holds = (frame) => `${frame}`.includes('["send"');
  await minho.sendAndPersist('가지 못한 말');

  await jieun.page.locator('.room-header .people-button').click();
  const people = jieun.page.locator('.people li');
  await people.filter({ hasText: '수빈' }).waitFor();
  assert.equal(await jieun.page.getByRole('button', { name: '지은: 내보내기' }).count(), 0);
  await jieun.page.getByRole('button', { name: '민호: 내보내기' }).click();
  const sure = jieun.page.getByRole('dialog', { name: '이 사람을 내보낼까요?' });
  await sure.getByText('민호', { exact: true }).waitFor();
  await sure.getByRole('button', { name: '내보내기' }).click();
  await sure.waitFor({ state: 'detached' });
  await people.filter({ hasText: '민호' }).waitFor({ state: 'detached' });

  const door = minho.page.getByRole('heading', { name: '방에서 내보내졌어요' });
  await door.waitFor();
  await minho.page.getByText('10분이 지나면 다시 들어갈 수 있어요.').waitFor();
  assert.equal(await minho.composer.count(), 0);
  proxy.releaseHeld();
  proxy.answers = (frame) => {
    if (`${frame}`.includes('["join"')) joins.push(JSON.parse(`${frame}`.slice(`${frame}`.indexOf('[')))[1].room);
  };
  await proxy.cut();
  proxy.restore();
  await eventually('the other room to be joined again', () => joins.includes(other));
  assert.equal(knocks(), 0, 'it knocks again by itself');
  await door.waitFor();
  await minho.page.reload();
  await door.waitFor();
  await minho.page.getByRole('button', { name: '지금 확인하기' }).click();
  await eventually('the door to be tried', () => knocks() === 2);
  await door.waitFor();

  // A failed request is not repeated later without being asked for.
  await minho.page.clock.install();
  await minho.page.getByRole('link', { name: '방 목록으로' }).click();
  // The clock must not run ahead of the reply, or the page counts the connection as lost.
  await eventually('the refusal to be kept', async () => `${await minho.outbox()}`.includes('"removed"'), 15_000);
  const mine = minho.page.getByRole('region', { name: '내 방' });
  await mine.getByText(other).waitFor();
  assert.equal(await mine.getByText(room).count(), 0);
  await minho.page.clock.runFor(60_000);
  await mine.getByText(other).click();
  await minho.composer.waitFor();
  assert.deepEqual([knocks(), await minho.outboxSize()], [3, 1]);
  assert.deepEqual(await fixture.readLog(room), ['내가 연 방']);
  guest.leave();
  jieun.ignoreConnectionErrors();
  minho.ignoreConnectionErrors();
});

test('screen readers announce the messages of others, summarised in bursts, and never one’s own', async () => {
  const jieun = await newPerson('지은');
  const room = newRoomName();
  await fixture.fillRoom(room, 3, '예전 이야기');
  await jieun.joinRoom(room);
  await jieun.log.getByText('이야기 3', { exact: true }).waitFor();
  await jieun.page.evaluate(() => {
    window.aloud = [];
    const place = document.querySelector('.timeline > [aria-live=polite]');
    const note = () => place.textContent && window.aloud.push(place.textContent);
    new MutationObserver(note).observe(place, { childList: true, characterData: true, subtree: true });
    note();
  });
  await jieun.send('내가 한 말');
  await jieun.waitUntilDelivered();
  await fixture.fillRoom(room, 5, '*첫* 소식');
  const aloud = await eventually('everything to be told', async () => {
    const aloud = await jieun.page.evaluate(() => window.aloud);
    const told = aloud.map((text) => Number(text.match(/새 메시지 (\d+)/)?.[1] ?? 1)).reduce((a, b) => a + b, 0);
    return told >= 6 && aloud;
  });
  assert.equal(aloud[0], '이야기꾼: 첫 소식');
  assert.ok(aloud.length < 6, `every message was told by itself: ${aloud}`);
  assert.ok(!aloud.some((text) => text.includes('내가 한 말') || text.includes('예전')), `${aloud}`);
});

test('who is in a room that the operator deletes sees so, and makes it anew only on purpose', async () => {
  const [jieun, room] = [await newPerson('지은'), newRoomName()];
  const proxy = await WebSocketProxy.intercept(jieun);
  await jieun.joinRoom(room);
  await jieun.send('지워질 말');
  await jieun.waitUntilDelivered();
  const forget = ['admin', 'room', 'forget', room, '--data', join(fixture.server.data, 'data')];
  await promisify(execFile)(binary(), forget);
  await jieun.page.getByRole('heading', { name: '이 방은 삭제됐어요' }).waitFor();
  assert.equal(await jieun.page.getByText('지워질 말').count(), 0);
  await proxy.cut();
  proxy.restore();
  await jieun.page.getByRole('heading', { name: '이 방은 삭제됐어요' }).waitFor();
  await jieun.page.getByRole('button', { name: '같은 이름으로 새로 만들기' }).click();
  await jieun.composer.waitFor();
  await jieun.send('새로 시작');
  await jieun.waitUntilDelivered();
  assert.deepEqual(await fixture.readLog(room), ['새로 시작']);
  jieun.ignoreConnectionErrors();
});
