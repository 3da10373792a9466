// A person with a browser: what tests and screenshots do with the page, in the words people see.

import assert from 'node:assert/strict';

import { chromium } from 'playwright-core';

export const WORDS = {
  ko: { locale: 'ko-KR', message: '메시지', send: '보내기', name: '이름' },
  en: { locale: 'en-GB', message: 'Message', send: 'Send', name: 'Name' },
};

/** Debian's Chromium, kept from asking its maker anything. */
export function launch() {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
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
      ...options,
    });
    const page = await context.newPage();
    return new Person(name, words, context, page, new URL(url).host);
  }

  constructor(name, words, context, page, host) {
    Object.assign(this, { name, words, context, page });
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

  /** Follows the link to a room for the first time, and says who one is. */
  async enter(room) {
    await this.page.goto(Person.linkTo(room));
    await this.nameField.fill(this.name);
    await this.nameField.press('Enter');
    await this.isIn();
  }

  async isIn() {
    await this.composer.waitFor();
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

  /** Forgets complaints about the server being away; only for a test that took it away. */
  forgiveLostConnections() {
    this.complaints = this.complaints.filter((text) => !/WebSocket connection|ERR_CONNECTION|ERR_EMPTY/.test(text));
  }

  async goAway() {
    await this.context.close();
  }
}
