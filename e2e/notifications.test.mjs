// Notifications of messages that are not on the screen.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually, newRoomName } from './clients.mjs';
import { recordNotifications, recordedNotifications, setVisible } from './notification-recorder.mjs';
import { Person } from './page.mjs';
import { PageFixture } from './page-fixture.mjs';

const fixture = new PageFixture();
const newPerson = (...args) => fixture.newPerson(...args);

test('a notification is shown after a click on the bell, and none for visible messages', async () => {
  const [jieun, minho] = [await newPerson('지은'), await newPerson('민호')];
  const room = newRoomName();
  await recordNotifications(jieun);
  await jieun.joinRoom(room);
  await minho.joinRoom(room);
  await minho.send('아직 안 물어봤지');
  await jieun.waitForMessage('아직 안 물어봤지');
  assert.deepEqual(await recordedNotifications(jieun), { asked: 0, shown: [] });

  await jieun.page.getByRole('button', { name: '이 방의 알림' }).click();
  await jieun.page.keyboard.press('Escape');
  await minho.send('보고 있네');
  await jieun.waitForMessage('보고 있네');
  assert.deepEqual(await recordedNotifications(jieun), { asked: 1, shown: [] });

  await setVisible(jieun, false);
  await minho.send('*안* 보고 있네');
  await eventually('the notification', async () => (await recordedNotifications(jieun)).shown.length > 0);
  assert.deepEqual(await recordedNotifications(jieun), { asked: 1, shown: [`민호 · ${room}: 안 보고 있네`] });

  // Nor for messages that another tab shows.
  const window = await fixture.newWindow(jieun);
  await window.page.goto(Person.linkTo(room));
  await window.composer.waitFor();
  await minho.send('다른 창에서 보고 있네');
  await window.waitForMessage('다른 창에서 보고 있네');
  await window.page.close();

  await setVisible(jieun, true);
  await jieun.page.getByRole('button', { name: '이 방의 알림' }).click();
  await jieun.page.getByRole('radio', { name: '나를 부를 때만' }).check();
  await jieun.page.keyboard.press('Escape');
  await setVisible(jieun, false);
  for (const text of ['아무도 안 불렀어', '@지은 불렀어']) await minho.send(text);
  const shown = await eventually('the mention', async () => {
    const { shown } = await recordedNotifications(jieun);
    return shown.length > 1 && shown;
  });
  assert.deepEqual(shown.slice(1), [`민호 · ${room}: @지은 불렀어`]);

  // Opening the bell's menu does not turn notifications on again.
  await setVisible(jieun, true);
  await jieun.changeSetting('알림', '끄기');
  await jieun.page.getByRole('button', { name: '이 방의 알림' }).click();
  await jieun.page.getByRole('button', { name: '알림 켜기' }).waitFor();
});
