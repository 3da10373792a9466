// A browser that can be killed: Chromium in a process group of its own, with a profile that stays.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

import { CHROMIUM, FLAGS, Person, WORDS } from './page.mjs';

/** What a browser remembers: the folder outlives every run of it. */
export class Profile {
  static async make() {
    return new Profile(await mkdtemp(join(tmpdir(), 'madang-profile-')));
  }

  constructor(folder) {
    this.folder = folder;
  }

  /** Starts the browser with one window, for this person. */
  async open(url, name, language = 'ko', options = []) {
    const words = WORDS[language];
    const flags = [...FLAGS, ...options, '--headless=new', '--remote-debugging-port=0', `--accept-lang=${words.locale}`];
    const running = spawn(CHROMIUM, [...flags, `--user-data-dir=${this.folder}`, 'about:blank'], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const browser = await chromium.connectOverCDP(await debuggerOf(running));
    const [context] = browser.contexts();
    const [page] = context.pages();
    this.run = new Run(running, browser, new Person(name, words, context, page, new URL(url).host));
    return this.run;
  }

  async forget() {
    if (this.run?.isOpen) await this.run.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The browser from its start to its end. */
class Run {
  constructor(process, browser, person) {
    Object.assign(this, { process, browser, person });
  }

  get isOpen() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** The power button: every process of the browser at once, none of them asked. */
  async kill() {
    const exit = once(this.process, 'exit');
    process.kill(-this.process.pid, 'SIGKILL');
    await exit;
  }

  /** Closes the last window, as people do. */
  async close() {
    const exit = once(this.process, 'exit');
    const session = await this.browser.newBrowserCDPSession();
    await session.send('Browser.close');
    await exit;
  }
}

function debuggerOf(running) {
  return new Promise((found, missing) => {
    createInterface({ input: running.stderr }).on('line', (line) => {
      const address = line.match(/^DevTools listening on (ws:\S+)$/)?.[1];
      if (address) found(address);
    });
    running.once('exit', (code, signal) => missing(new Error(`chromium ended with ${signal ?? code}`)));
  });
}
