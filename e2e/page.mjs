// A person with a browser: the steps of tests and screenshots, by the labels on the page.

import assert from 'node:assert/strict';

import { chromium } from 'playwright-core';

/** Labels from app/src/i18n, by which elements are found. */
export const LABELS = {
  ko: {
    locale: 'ko-KR',
    languageName: '한국어',
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
    languageName: 'English',
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

/** Debian's package. */
export const CHROMIUM = '/usr/bin/chromium';

/** Keep the browser from contacting its vendor. */
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

/** A browser profile with its own cookies and language, and one open tab. */
export class Person {
  static async open(browser, url, name, { language = 'ko', ...options } = {}) {
    const labels = LABELS[language];
    const context = await browser.newContext({
      baseURL: url,
      locale: labels.locale,
      timezoneId: 'Asia/Seoul',
      viewport: { width: 1280, height: 800 },
      // The WebSocket is intercepted, so its frames must not come out of a cache.
      serviceWorkers: 'block',
      ...options,
    });
    const page = await context.newPage();
    return new Person(name, labels, context, page, new URL(url).host);
  }

  constructor(name, labels, context, page, host) {
    Object.assign(this, { name, labels, context, page, host });
    this.errors = [];
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
    page.on('pageerror', (error) => this.errors.push(`${error}`));
    const checkHost = (request) => {
      const { protocol, host: other } = new URL(request.url());
      if (!['data:', 'blob:'].includes(protocol) && other !== host) this.errors.push(`asked ${request.url()}`);
    };
    page.on('request', checkHost);
    page.on('websocket', checkHost);
  }

  /** Opens a second tab of the same browser. */
  async newWindow() {
    const page = await this.context.newPage();
    return new Person(this.name, this.labels, this.context, page, this.host);
  }

  get log() {
    return this.page.getByRole('log');
  }

  get composer() {
    return this.page.getByRole('textbox', { name: this.labels.message, exact: true });
  }

  get nameField() {
    return this.page.getByRole('textbox', { name: this.labels.name, exact: true });
  }

  /** Returns the path of a room. */
  static linkTo(room) {
    return `/r/${encodeURIComponent(room)}`;
  }

  get fullRoomHeading() {
    return this.page.getByRole('heading', { name: this.labels.full });
  }

  /** Opens a room's link for the first time, and enters a name. */
  async openRoomLink(room) {
    await this.page.goto(Person.linkTo(room));
    await this.enterName();
  }

  async enterName() {
    await this.nameField.fill(this.name);
    await this.nameField.press('Enter');
  }

  async joinRoom(room) {
    await this.openRoomLink(room);
    await this.composer.waitFor();
  }

  /** Creates a room with two seats on the first page. */
  async createRoomForTwo(room) {
    await this.submitRoomForTwo(room);
    await this.enterName();
    await this.composer.waitFor();
  }

  async submitRoomForTwo(room) {
    await this.page.goto('/');
    await this.page.getByText(this.labels.details).click();
    await this.page.getByRole('textbox', { name: this.labels.seats }).fill('2');
    const field = this.page.getByRole('textbox', { name: this.labels.room, exact: true });
    await field.fill(room);
    await field.press('Enter');
  }

  async switchLanguage(language) {
    await this.changeSetting(this.labels.language, LABELS[language].languageName);
    this.labels = LABELS[language];
    await this.composer.waitFor();
  }

  /** Changes a setting, both by their labels. */
  async changeSetting(setting, choice) {
    await this.page.getByRole('button', { name: this.labels.settings, exact: true }).click();
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
      await this.waitForPaint();
    }
  }

  /** Waits for two frames, after which pending layout changes are painted. */
  waitForPaint() {
    return this.page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
  }

  async send(text) {
    await this.composer.fill(text);
    await this.composer.press('Enter');
  }

  /** Waits until the text is in the log, and checks that it is there once. */
  async waitForMessage(text) {
    const message = this.log.getByText(text, { exact: true });
    await message.first().waitFor();
    assert.equal(await message.count(), 1, `"${text}" stands in the log more than once`);
  }

  /** Returns the row of a message. */
  messageRow(text) {
    return this.log.locator('.message').filter({ has: this.page.getByText(text, { exact: true }) });
  }

  /** Returns the text of every drawn message, from top to bottom. */
  messageTexts() {
    return this.log.locator('.message .message-body').allTextContents();
  }

  /** Sends a message and waits until it is persisted: from here on it must not be lost. */
  async sendAndPersist(text) {
    await this.send(text);
    await this.waitUntilPersisted(text);
  }

  async waitUntilPersisted(text) {
    await this.log.locator('.message[data-persisted]').filter({ has: this.page.getByText(text, { exact: true }) }).waitFor();
  }

  /** Waits until no message is pending. */
  async waitUntilDelivered() {
    await this.log.locator('[data-delivery]').first().waitFor({ state: 'detached' });
  }

  /** Returns how many pending messages are persisted, in all rooms. */
  async outboxSize() {
    return (await this.outbox()).length;
  }

  /** Returns the pending messages as the database holds them. */
  outbox() {
    return this.page.evaluate(
      () =>
        new Promise((resolve) => {
          const opening = indexedDB.open('madang');
          // Does not exist yet: leave its creation to the page.
          opening.onupgradeneeded = () => opening.transaction.abort();
          opening.onerror = () => resolve([]);
          opening.onsuccess = () => {
            const reading = opening.result.transaction('outbox').objectStore('outbox').getAll();
            reading.onsuccess = () => resolve(reading.result);
            opening.result.close();
          };
        }),
    );
  }

  /** Returns the cached rooms, each as the reply to a join. */
  cachedRooms() {
    return this.page.evaluate(
      () =>
        new Promise((resolve) => {
          const opening = indexedDB.open('madang-rooms');
          opening.onupgradeneeded = () => opening.transaction.abort();
          opening.onerror = () => resolve([]);
          opening.onsuccess = () => {
            const reading = opening.result.transaction('rooms').objectStore('rooms').getAll();
            reading.onsuccess = () => resolve(reading.result.map((text) => JSON.parse(text)));
            opening.result.close();
          };
        }),
    );
  }

  /** Ignores errors about a lost connection; only for a test that stopped the server. */
  ignoreConnectionErrors() {
    this.errors = this.errors.filter((text) => !/WebSocket (connection|is already in CLOSING)|ERR_CONNECTION|ERR_EMPTY|502 \(Bad Gateway\)/.test(text));
  }

  async close() {
    await this.context.close();
  }
}
