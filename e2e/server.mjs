// A real madang for one test file: its own data folder, a free port, and the ways it can end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { serveFolder } from './static-server.mjs';

// Tests say in a second what people say in a day.
const PATIENT = {
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
    const server = new this(data, Object.entries({ ...PATIENT, ...options }).flat());
    await server.open(0);
    return server;
  }

  constructor(data, options) {
    this.data = data;
    this.options = options;
  }

  async open(port) {
    // While one works on the page: the folder trunk made, in front of a server without a page.
    if (process.env.MADANG_PAGE) this.front ??= await serveFolder(process.env.MADANG_PAGE);
    const inFront = this.front ? ['--public-url', this.front.url] : [];
    const listen = ['--listen', `http://127.0.0.1:${port}`, '--data', 'data'];
    // From an empty folder: whatever the binary needs, it has inside.
    const [program, ...before] = this.command();
    this.process = spawn(program, [...before, ...listen, ...inFront, ...this.options], {
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
    if (!this.front) return;
    this.front.forwardTo(this.url);
    this.url = this.front.url;
  }

  /** The program, and what stands before its options. */
  command() {
    return [binary()];
  }

  /** Reads the lines that say where the server listens: the address of the page, and in `ports` every door's. */
  async address() {
    const listens = this.options.filter((option) => /^(tcp|udp):/.test(option));
    const doors = 1 + listens.flatMap((option) => option.split(',')).length;
    this.ports = {};
    const lines = createInterface({ input: this.process.stdout });
    return new Promise((found, missing) => {
      const limit = setTimeout(() => missing(new Error('madang does not say where it is open')), START_LIMIT);
      lines.on('line', (line) => {
        const [, door, port] = line.match(/^Madang is open at (\w+):\/\/\S+?:(\d+)\/?$/) ?? [];
        if (!door) return;
        this.ports[door] = Number(port);
        if (Object.keys(this.ports).length < doors) return;
        clearTimeout(limit);
        found(`http://127.0.0.1:${this.ports.http}`);
      });
      this.process.once('exit', (code, signal) => {
        clearTimeout(limit);
        missing(new Error(`madang ended with ${signal ?? code}`));
      });
    });
  }

  /** Takes the power away. What it had acknowledged must be there afterwards. */
  async kill() {
    await this.end('SIGKILL');
  }

  /** The same data on the same port again. */
  async reopen() {
    await this.open(this.port);
  }

  async end(signal) {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, 'exit');
    this.process.kill(signal);
    await exit;
  }

  /** Ends it the friendly way and takes its data away. */
  async stop() {
    await this.end('SIGTERM');
    this.front?.close();
    await rm(this.data, { recursive: true, force: true });
  }
}

/** The program that people run. */
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
