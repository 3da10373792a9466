// A person with a browser: what tests and screenshots do with the page, in the words people see.

import assert from 'node:assert/strict';

import { chromium } from 'playwright-core';

/** The words of app/src/i18n by which people find their way. */
export const WORDS = {
  ko: {
    locale: 'ko-KR',
    own: '한국어',
    settings: '설정',
    about: '방 정보',
    full: '자리가 다 찼어요',
    removed: '방에서 내보내졌어요',
    sure: '이 사람을 내보낼까요?',
    language: '언어',
    message: '메시지',
    name: '이름',
    room: '방 이름',
    send: '보내기',
    details: '주제와 자리 정하기',
    seats: '자리 수',
  },
  en: {
    locale: 'en-GB',
    own: 'English',
    settings: 'Settings',
    about: 'About this room',
    full: 'Every seat is taken',
    removed: 'You were removed from this room',
    sure: 'Remove this person?',
    language: 'Language',
    message: 'Message',
    name: 'Name',
    room: 'Room name',
    send: 'Send',
    details: 'Its topic and seats',
    seats: 'Seats',
  },
};

/** Debian's. */
export const CHROMIUM = '/usr/bin/chromium';

/** Kept from asking its maker anything. */
export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** One browser profile: its own cookies, its own language, one open page. */
export class Person {
  static async arrive(browser, url, name, { language = 'ko', ...options } = {}) {
    const words = WORDS[language];
    const context = await browser.newContext({
      baseURL: url,
      locale: words.locale,
      timezoneId: 'Asia/Seoul',
      viewport: { width: 1280, height: 800 },
      // What a test takes out of the wire must not come out of a cache.
      serviceWorkers: 'block',
      ...options,
    });
    const page = await context.newPage();
    return new Person(name, words, context, page, new URL(url).host);
  }

  constructor(name, words, context, page, host) {
    Object.assign(this, { name, words, context, page, host });
    this.complaints = [];
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(`${error}`));
    const watchHost = (asked) => {
      const { protocol, host: other } = new URL(asked.url());
      if (!['data:', 'blob:'].includes(protocol) && other !== host) this.complaints.push(`asked ${asked.url()}`);
    };
    page.on('request', watchHost);
    page.on('websocket', watchHost);
  }

  /** The same browser, a second window. */
  async anotherWindow() {
    const page = await this.context.newPage();
    return new Person(this.name, this.words, this.context, page, this.host);
  }

  get log() {
    return this.page.getByRole('log');
  }

  get composer() {
    return this.page.getByRole('textbox', { name: this.words.message, exact: true });
  }

  get nameField() {
    return this.page.getByRole('textbox', { name: this.words.name, exact: true });
  }

  /** The link to a room, as one person gives it to another. */
  static linkTo(room) {
    return `/r/${encodeURIComponent(room)}`;
  }

  get full() {
    return this.page.getByRole('heading', { name: this.words.full });
  }

  /** Follows the link to a room for the first time, and says who one is. */
  async knock(room) {
    await this.page.goto(Person.linkTo(room));
    await this.introduce();
  }

  async introduce() {
    await this.nameField.fill(this.name);
    await this.nameField.press('Enter');
  }

  async enter(room) {
    await this.knock(room);
    await this.composer.waitFor();
  }

  /** Opens a room with two seats from the first page. */
  async openRoomForTwo(room) {
    await this.askForRoomForTwo(room);
    await this.introduce();
    await this.composer.waitFor();
  }

  async askForRoomForTwo(room) {
    await this.page.goto('/');
    await this.page.getByText(this.words.details).click();
    await this.page.getByRole('textbox', { name: this.words.seats }).fill('2');
    const field = this.page.getByRole('textbox', { name: this.words.room, exact: true });
    await field.fill(room);
    await field.press('Enter');
  }

  async switchLanguage(language) {
    await this.choose(this.words.language, WORDS[language].own);
    this.words = WORDS[language];
    await this.composer.waitFor();
  }

  /** Makes a choice in the settings, both by the words one reads. */
  async choose(setting, choice) {
    await this.page.getByRole('button', { name: this.words.settings, exact: true }).click();
    await this.page.getByRole('combobox', { name: setting }).selectOption(choice);
    await this.page.keyboard.press('Escape');
    await this.page.getByRole('dialog').waitFor({ state: 'detached' });
  }

  /** Turns the wheel until this part of the log has been fetched. */
  async scrollUpUntil(message) {
    await this.log.hover();
    for (let turns = 0; (await message.count()) === 0; turns += 1) {
      assert.ok(turns < 200, 'the log has no end');
      await this.page.mouse.wheel(0, -1_000);
      await this.painted();
    }
  }

  /** Two frames later: whatever was to be moved has been. */
  painted() {
    return this.page.evaluate(
      () => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))),
    );
  }

  async say(text) {
    await this.composer.fill(text);
    await this.composer.press('Enter');
  }

  /** Waits until the text stands in the log, and makes sure that it stands there once. */
  async sees(text) {
    const message = this.log.getByText(text, { exact: true });
    await message.first().waitFor();
    assert.equal(await message.count(), 1, `"${text}" stands in the log more than once`);
  }

  /** The row of a message. */
  row(text) {
    return this.log.locator('.message').filter({ has: this.page.getByText(text, { exact: true }) });
  }

  /** Every message on the screen, from top to bottom. */
  reads() {
    return this.log.locator('.message .body').allTextContents();
  }

  /** Says something and waits until the disk has it: from here on nothing may lose it. */
  async writes(text) {
    await this.say(text);
    await this.keeps(text);
  }

  async keeps(text) {
    await this.log.locator('.message[data-kept]').filter({ has: this.page.getByText(text, { exact: true }) }).waitFor();
  }

  /** Waits until nothing is on its way any more: a message is shown before it is said. */
  async hasSaidAll() {
    await this.log.locator('[data-delivery]').first().waitFor({ state: 'detached' });
  }

  /** How many messages the disk holds that are not said yet, in all rooms. */
  async kept() {
    return (await this.outbox()).length;
  }

  /** The messages the disk holds that are not said yet, as it holds them. */
  outbox() {
    return this.page.evaluate(
      () =>
        new Promise((found) => {
          const opening = indexedDB.open('madang');
          // Not there yet: then the page is to furnish it, and not we.
          opening.onupgradeneeded = () => opening.transaction.abort();
          opening.onerror = () => found([]);
          opening.onsuccess = () => {
            const reading = opening.result.transaction('outbox').objectStore('outbox').getAll();
            reading.onsuccess = () => found(reading.result);
            opening.result.close();
          };
        }),
    );
  }

  /** What the disk holds of one's rooms, each as the answer to a join. */
  shelf() {
    return this.page.evaluate(
      () =>
        new Promise((found) => {
          const opening = indexedDB.open('madang-rooms');
          opening.onupgradeneeded = () => opening.transaction.abort();
          opening.onerror = () => found([]);
          opening.onsuccess = () => {
            const reading = opening.result.transaction('rooms').objectStore('rooms').getAll();
            reading.onsuccess = () => found(reading.result.map((text) => JSON.parse(text)));
            opening.result.close();
          };
        }),
    );
  }

  /** Forgets complaints about the server being away; only for a test that took it away. */
  forgiveLostConnections() {
    this.complaints = this.complaints.filter((text) => !/WebSocket (connection|is already in CLOSING)|ERR_CONNECTION|ERR_EMPTY|502 \(Bad Gateway\)/.test(text));
  }

  async goAway() {
    await this.context.close();
  }
}
