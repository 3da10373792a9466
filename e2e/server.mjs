// A real madang for one test file: its own data folder, a free port, and the ways to end it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { serveFolder } from './static-server.mjs';

// Tests send in a second what people send in a day.
const NO_RATE_LIMITS = {
  '--message-rate': '10000',
  '--message-burst': '100000',
  '--join-rate': '10000',
  '--join-burst': '100000',
};
const START_LIMIT = 30_000;

export class Server {
  /** Starts a server on a free port. `options` are command line options with their values. */
  static async start(options = {}) {
    const data = await mkdtemp(join(tmpdir(), 'madang-e2e-'));
    const server = new this(data, Object.entries({ ...NO_RATE_LIMITS, ...options }).flat());
    await server.open(0);
    return server;
  }

  constructor(data, options) {
    this.data = data;
    this.options = options;
  }

  async open(port) {
    // During work on the page: serve the folder made by trunk in front of a server without a page.
    if (process.env.MADANG_PAGE) this.pageServer ??= await serveFolder(process.env.MADANG_PAGE);
    const publicUrl = this.pageServer ? ['--public-url', this.pageServer.url] : [];
    const listen = ['--listen', `http://127.0.0.1:${port}`, '--data', 'data'];
    // From an empty folder: the binary must contain everything it needs.
    const [program, ...before] = this.command();
    this.process = spawn(program, [...before, ...listen, ...publicUrl, ...this.options], {
      cwd: this.data,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    this.process.stderr.on('data', (chunk) => (errors += chunk));
    this.url = await this.address().catch((error) => {
      this.process.kill('SIGKILL');
      throw new Error(`${error.message}\n${errors}`);
    });
    this.port = Number(new URL(this.url).port);
    if (!this.pageServer) return;
    this.pageServer.forwardTo(this.url);
    this.url = this.pageServer.url;
  }

  /** Returns the program and the arguments before the options. */
  command() {
    return [binary()];
  }

  /** Reads the printed listeners: returns the page's address, and fills `ports` with each listener's port. */
  async address() {
    const listens = this.options.filter((option) => /^(tcp|udp):/.test(option));
    const listeners = 1 + listens.flatMap((option) => option.split(',')).length;
    this.ports = {};
    const lines = createInterface({ input: this.process.stdout });
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error('madang does not say where it is open')), START_LIMIT);
      lines.on('line', (line) => {
        const [, scheme, port] = line.match(/^Madang is open at (\w+):\/\/\S+?:(\d+)\/?$/) ?? [];
        if (!scheme) return;
        this.ports[scheme] = Number(port);
        if (Object.keys(this.ports).length < listeners) return;
        clearTimeout(limit);
        resolve(`http://127.0.0.1:${this.ports.http}`);
      });
      this.process.once('exit', (code, signal) => {
        clearTimeout(limit);
        reject(new Error(`madang ended with ${signal ?? code}`));
      });
    });
  }

  /** Kills it with SIGKILL. What it had acknowledged must be there afterwards. */
  async kill() {
    await this.end('SIGKILL');
  }

  /** Starts it again with the same data on the same port. */
  async restart() {
    await this.open(this.port);
  }

  async end(signal) {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, 'exit');
    this.process.kill(signal);
    await exit;
  }

  /** Stops it with SIGTERM and removes its data. */
  async stop() {
    await this.end('SIGTERM');
    this.pageServer?.close();
    await rm(this.data, { recursive: true, force: true });
  }
}

/** Returns the path of the program. */
export function binary() {
  const target = process.env.CARGO_TARGET_DIR ?? '../target';
  const candidates = [process.env.MADANG_BIN, `${target}/release/madang`, `${target}/debug/madang`];
  const found = candidates
    .filter(Boolean)
    .map((path) => resolve(import.meta.dirname, path))
    .find(existsSync);
  if (!found) throw new Error('no madang binary: run bin/run once, or set MADANG_BIN');
  return found;
}
