// A browser that can be killed: Chromium in its own process group, with a persistent profile.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

import { CHROMIUM, FLAGS, Person, LABELS } from './page.mjs';

/** A browser profile; the folder outlives every run of the browser. */
export class Profile {
  static async create() {
    return new Profile(await mkdtemp(join(tmpdir(), 'madang-profile-')));
  }

  constructor(folder) {
    this.folder = folder;
  }

  /** Starts the browser with one tab, for this person. */
  async open(url, name, language = 'ko', options = []) {
    const labels = LABELS[language];
    const flags = [...FLAGS, ...options, '--headless=new', '--remote-debugging-port=0', `--accept-lang=${labels.locale}`];
    const running = spawn(CHROMIUM, [...flags, `--user-data-dir=${this.folder}`, 'about:blank'], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const browser = await chromium.connectOverCDP(await debuggerAddress(running));
    const [context] = browser.contexts();
    const [page] = context.pages();
    this.run = new BrowserRun(running, browser, new Person(name, labels, context, page, new URL(url).host));
    return this.run;
  }

  async remove() {
    if (this.run?.isOpen) await this.run.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The browser from its start to its end. */
class BrowserRun {
  constructor(process, browser, person) {
    Object.assign(this, { process, browser, person });
  }

  get isOpen() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Kills every process of the browser at once, as a power cut does. */
  async kill() {
    const exit = once(this.process, 'exit');
    process.kill(-this.process.pid, 'SIGKILL');
    await exit;
  }

  /** Closes the last window, as a person does. */
  async close() {
    const exit = once(this.process, 'exit');
    const session = await this.browser.newBrowserCDPSession();
    await session.send('Browser.close');
    await exit;
  }
}

function debuggerAddress(running) {
  return new Promise((resolve, reject) => {
    createInterface({ input: running.stderr }).on('line', (line) => {
      const address = line.match(/^DevTools listening on (ws:\S+)$/)?.[1];
      if (address) resolve(address);
    });
    running.once('exit', (code, signal) => reject(new Error(`chromium ended with ${signal ?? code}`)));
  });
}
