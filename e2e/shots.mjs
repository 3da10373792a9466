// Takes the screenshots: every page and every state of it, on a phone, a tablet and a desktop, light
// and dark, in both languages: node e2e/shots.mjs GALLERY [BEST]
//
// All go into GALLERY, with a page that shows them side by side; `README_SHOTS`, which the README
// shows, also go into BEST. With ONLY=name,name in the environment only these are taken.

import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { launch, Person, LABELS } from './page.mjs';
import { LAST, DemoConversation, ROOMS } from './demo-conversation.mjs';
import { Server } from './server.mjs';
import { WebSocketProxy } from './websocket-proxy.mjs';

const SCREENS = {
  390: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  820: { viewport: { width: 820, height: 1180 } },
  1280: { viewport: { width: 1280, height: 800 } },
};
const README_SHOTS = [
  'room-1280-light-ko',
  'room-1280-dark-en',
  'markup-820-light-ko',
  'home-390-light-ko',
  'unread-390-dark-ko',
  'picker-390-light-en',
  'share-390-dark-en',
];
/** No screenshot in the repository may be larger, in bytes. */
const MAX_BYTES = 150_000;

/** What a screenshot shows, and the steps to it from a page that is not open yet. */
const SCENES = {
  async welcome({ page }) {
    await page.goto('/');
    await page.getByRole('link').first().waitFor();
  },
  async name(person) {
    await person.page.goto(Person.linkTo(ROOMS.talk));
    await person.nameField.waitFor();
  },
  async home({ page }) {
    await page.goto('/');
    await page.locator('.badge').waitFor();
  },
  async 'new-room'(person) {
    await SCENES.home(person);
    await person.page.getByText(person.labels.details).click();
  },
  async unreachable({ page }) {
    await page.route('/api/rooms', (asked) => asked.abort());
    await page.goto('/');
    await page.getByText(/불러올 수 없어요|can't be loaded/).first().waitFor();
  },
  async nowhere({ page }) {
    await page.goto('/r/a/b/c');
    await page.getByRole('heading').first().waitFor();
  },
  async room(person) {
    await person.page.goto(Person.linkTo(ROOMS.talk));
    await person.waitForMessage(LAST);
  },
  async markup(person) {
    await person.page.goto(Person.linkTo(ROOMS.markup));
    await person.log.locator('.tombstone').waitFor();
  },
  async folded(person) {
    await person.page.goto(Person.linkTo(ROOMS.folded));
    await person.log.locator('.expand').waitFor();
  },
  async empty(person) {
    await person.page.goto(Person.linkTo(ROOMS.empty));
    await person.composer.waitFor();
    await person.page.locator('.room-header .people-button').waitFor();
  },
  async unread(person) {
    await person.page.goto(Person.linkTo(ROOMS.unread));
    await person.log.locator('.unread-divider').waitFor();
  },
  async actions(person) {
    await SCENES.room(person);
    if (!person.touches) return person.messageRow(LAST).hover();
    await longPress(person, person.messageRow(LAST));
  },
  async reacted(person) {
    await SCENES.room(person);
    await person.log.locator('.reactions [data-action=toggle]').last().focus();
  },
  async reply(person) {
    await SCENES.room(person);
    await openMessageAction(person, person.messageRow(LAST), 'reply');
    await person.page.locator('.banner:not([hidden])').waitFor();
    await person.composer.fill('저도 뭔가 구워 갈게요');
  },
  async edit(person) {
    await SCENES.folded(person);
    await person.composer.press('ArrowUp');
    await person.page.locator('.banner:not([hidden])').waitFor();
  },
  async delete(person) {
    await SCENES.folded(person);
    await openMessageAction(person, person.log.locator('.message[data-own]').last(), 'delete');
    await person.page.locator('.confirm').waitFor();
  },
  async remove(person) {
    await person.page.goto(Person.linkTo(ROOMS.own));
    await person.page.locator('.room-header .people-button').click();
    await person.page.locator('.people .kick-button').last().click();
    await person.page.locator('.confirm').waitFor();
  },
  async removed(person) {
    const proxy = await WebSocketProxy.intercept(person);
    proxy.refuse('removed', (command) => command === 'join');
    await person.page.goto(Person.linkTo(ROOMS.talk));
    await person.page.getByRole('alert').waitFor();
  },
  async failed(person) {
    const proxy = await WebSocketProxy.intercept(person);
    await SCENES.empty(person);
    proxy.refuse('message_unreadable', (command) => command === 'send');
    await person.composer.fill('이 글은 갈 수 없어요');
    await person.composer.press('Control+Enter');
    await person.log.locator('.message[data-delivery=failed]').waitFor();
  },
  async offline(person) {
    const proxy = await WebSocketProxy.intercept(person);
    await SCENES.room(person);
    await proxy.cut();
    await person.composer.fill('지하철이라 잘 안 터져요');
    await person.composer.press('Control+Enter');
    await person.page.locator('.connection-status[data-offline]').waitFor();
  },
  async outdated(person) {
    const proxy = await WebSocketProxy.intercept(person);
    await SCENES.room(person);
    proxy.answers = (frame) => {
      const [, ack] = `${frame}`.match(/^42(\d+)\["hello"/) ?? [];
      return ack && `43${ack}[{"you":{"id":"0000000000000001","name":"지은"},"protocol":2}]`;
    };
    await proxy.cut();
    proxy.restore();
    await person.page.locator('.connection-status button').waitFor();
  },
  async crashed(person) {
    await SCENES.room(person);
    await person.page.evaluate(() => {
      const { createElement } = document;
      document.createElement = (tag) => {
        if (tag === 'dialog') throw new TypeError('no dialogs today');
        return createElement.call(document, tag);
      };
    });
    await person.page.locator('.room-header .share').click();
    await person.page.getByRole('alert').getByRole('button').waitFor();
  },
  async names(person) {
    await SCENES.room(person);
    await person.composer.pressSequentially('@ㅁ');
    await person.page.getByRole('option').first().waitFor();
  },
  async draft(person) {
    await SCENES.room(person);
    await person.composer.fill('*굵게* 쓰고\n- 목록도\n- 쓸 수 있어요');
  },
  async picker(person) {
    await SCENES.room(person);
    await person.page.locator('.composer .icon-button').last().click();
    await person.page.locator('.emoji-group').nth(3).waitFor({ state: 'attached' });
  },
  async full(person) {
    await person.page.goto(Person.linkTo(ROOMS.full));
    await person.fullRoomHeading.waitFor();
  },
  async people(person) {
    await SCENES.room(person);
    await person.page.locator('.room-header .people-button').click();
  },
  async about(person) {
    await SCENES.room(person);
    await person.page.getByRole('button', { name: person.labels.about, exact: true }).click();
    await person.page.getByRole('dialog').waitFor();
  },
  async share(person) {
    await SCENES.room(person);
    await person.page.locator('.room-header .share').click();
    await person.page.getByRole('dialog').waitFor();
  },
  async switcher(person) {
    await SCENES.room(person);
    await person.page.keyboard.press('Control+k');
    await person.page.getByRole('option').first().waitFor();
  },
  async shortcuts(person) {
    await SCENES.room(person);
    await person.log.focus();
    await person.page.keyboard.press('?');
    await person.page.getByRole('dialog').waitFor();
  },
  async settings(person) {
    await SCENES.home(person);
    await person.page.getByRole('button', { name: person.labels.settings, exact: true }).click();
    await person.page.getByRole('dialog').waitFor();
  },
};

/** Scenes of a first visit. */
const FIRST_TIME = ['welcome', 'name'];

const [gallery, best] = process.argv.slice(2);
const only = process.env.ONLY?.split(',') ?? Object.keys(SCENES);
const server = await Server.start();
const browser = await launch();
const conversation = new DemoConversation(server.url);
const pictures = [];

try {
  if (!process.env.ONLY) await rm(gallery, { recursive: true, force: true });
  await mkdir(gallery, { recursive: true });
  await conversation.start();
  const storageState = await returningVisitor('지은');
  await conversation.sendUnread();
  for (const scene of only) {
    for (const language of Object.keys(LABELS)) {
      for (const [width, screen] of Object.entries(SCREENS)) {
        for (const colorScheme of ['light', 'dark']) {
          const known = FIRST_TIME.includes(scene) ? {} : { storageState };
          const name = `${scene}-${width}-${colorScheme}-${language}`;
          await takeScreenshot(name, SCENES[scene], { language, colorScheme, ...screen, ...known });
        }
      }
    }
  }
  await writeFile(join(gallery, 'index.html'), galleryPage());
} finally {
  conversation.end();
  await browser.close();
  await server.stop();
}
console.log(`${pictures.length} pictures, ${join(gallery, 'index.html')} shows them`);

for (const name of best ? README_SHOTS : []) {
  const picture = join(best, `${name}.png`);
  await copyFile(join(gallery, `${name}.png`), picture);
  const { size } = await stat(picture);
  console.log(`${String(size).padStart(7)} ${picture}`);
  if (size > MAX_BYTES) throw new Error(`${picture} is heavier than ${MAX_BYTES} bytes`);
}

/** Returns the browser state of a returning visitor, so that all screenshots show the same one. */
async function returningVisitor(name) {
  const person = await Person.open(browser, server.url, name);
  await person.openRoomLink(ROOMS.own);
  await person.page.locator('.room-header .people-button').waitFor();
  await person.page.goto(Person.linkTo(ROOMS.unread));
  await person.log.locator('.message').last().waitFor();
  for (const room of [ROOMS.folded, ROOMS.markup, ROOMS.talk]) {
    await person.page.goto(Person.linkTo(room));
    await person.log.locator('.message').last().waitFor();
    if (room !== ROOMS.folded) continue;
    await person.send('잘 읽었어요. 번역은 수요일까지 될 것 같아요');
    await person.waitUntilDelivered();
  }
  const storageState = await person.context.storageState();
  await person.close();
  return storageState;
}

async function takeScreenshot(name, prepare, options) {
  const person = await Person.open(browser, server.url, '지은', options);
  person.touches = options.hasTouch;
  try {
    await prepare(person);
    await person.waitForPaint();
    await person.page.screenshot({ path: join(gallery, `${name}.png`), animations: 'disabled', caret: 'hide' });
    pictures.push(name);
  } catch (error) {
    throw new Error(`${name} can not be shown`, { cause: error });
  } finally {
    await person.close();
  }
}

/** Opens an action of a message, in the way of this screen size. */
async function openMessageAction(person, row, action) {
  if (person.touches) {
    await longPress(person, row);
    await person.page.locator(`.sheet-action[data-action=${action}]`).click();
  } else {
    await row.hover();
    await row.locator(`[data-action=${action}]`).click();
  }
}

async function longPress({ context, page }, row) {
  const { x, y } = await row.locator('.message-body').boundingBox();
  const fingers = await context.newCDPSession(page);
  const touch = (type, touchPoints) => fingers.send('Input.dispatchTouchEvent', { type, touchPoints });
  await touch('touchStart', [{ x: x + 8, y: y + 8 }]);
  await page.getByRole('dialog').waitFor();
  await touch('touchEnd', []);
}

function galleryPage() {
  const shown = (name) => `<figure><img src="${name}.png" loading="lazy"><figcaption>${name}</figcaption></figure>`;
  const style = 'body{font:14px sans-serif;margin:16px;background:#888}section{display:flex;gap:12px;align-items:start;overflow-x:auto}figure{margin:0}img{height:420px}';
  const sections = only.map((scene) => {
    const its = pictures.filter((name) => name.replace(/-\d+-\w+-\w+$/, '') === scene);
    return `<h2>${scene}</h2><section>${its.map(shown).join('')}</section>`;
  });
  return `<!doctype html><meta charset="utf-8"><title>Madang, every page</title><style>${style}</style>${sections.join('')}`;
}
