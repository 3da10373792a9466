// Two people and a script in one room, over three transports: runs the real programs against a real
// server, and writes the output of their terminals into the READMEs.
//
//   node e2e/transcript.mjs            writes it
//   node e2e/transcript.mjs --check    fails when the READMEs differ

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Server, binary } from './server.mjs';

const READMES = ['README.md', 'README.ko.md'];
const BETWEEN = /(<!-- transcript: written by bin\/transcript -->\n)[^]*?(<!-- end of transcript -->)/;
const WAIT = 10_000;
const run = promisify(execFile);

/** Returns the output of three terminals as one text. */
export async function record() {
  const server = await Server.start({ '--listen': 'tcp://127.0.0.1:0' });
  const home = await mkdtemp(join(tmpdir(), 'madang-transcript-'));
  const terminals = [];
  try {
    return maskVariableParts(await play(server, home, terminals), server);
  } finally {
    terminals.forEach((terminal) => terminal.process.kill());
    await server.stop();
    await rm(home, { recursive: true });
  }
}

async function play(server, home, terminals) {
  const open = (...program) => {
    terminals.push(new Terminal(...program));
    return terminals.at(-1);
  };
  const jieun = open('nc', ['127.0.0.1', String(server.ports.tcp)], {});
  await jieun.waitFor('You are in lobby');
  jieun.type('/name 지은');
  await jieun.waitFor('You are now 지은.');

  const talk = ['talk', 'lobby', '--to', server.url, '--name', '민수'];
  // With its own home, because the program stores its token there.
  const minsu = open('madang', talk, { HOME: home, XDG_STATE_HOME: home }, binary());
  minsu.type('점심 먹었어?');
  await jieun.waitFor(': 점심 먹었어?');
  jieun.type('아직. 마당에서 먹을까?');
  await minsu.waitFor(': 아직. 마당에서 먹을까?');

  const messages = `${server.url}/api/rooms/lobby/messages?name=build+bot`;
  const post = ['-s', '-H', 'Idempotency-Key: build-1742', '-d', 'build 1742 green', messages];
  const script = [`$ ${command('curl', post)}`];
  // Sent twice, as a script repeats a request without a response: it is stored once.
  for (let time = 0; time < 2; time += 1) script.push((await run('curl', post)).stdout);
  script.splice(2, 0, script[0]);
  await minsu.waitFor(': build 1742 green');
  await jieun.waitFor(': build 1742 green');

  minsu.type('/me goes and looks');
  await jieun.waitFor('goes and looks');
  jieun.type('/history 2');
  await jieun.waitFor('There is more before these.');
  jieun.type('/quit');
  await jieun.waitFor('Goodbye.');
  await jieun.closeInput();
  await minsu.closeInput();
  return [jieun.record, minsu.record, script.join('\n')];
}

/** Replaces what differs each time. */
function maskVariableParts(terminals, server) {
  const text = terminals.map((shown) => shown.trimEnd()).join('\n\n');
  return text
    .replaceAll(String(server.ports.tcp), '3001')
    .replaceAll(String(server.port), '3000')
    .replaceAll(/guest-\d{4}/g, 'guest-4821')
    .replaceAll(/"at":\d+/g, '"at":1763829000000');
}

/** A program and its terminal: its output and the typed lines, in order. */
class Terminal {
  constructor(name, args, env, path = name) {
    this.record = `$ ${command(name, args)}\n`;
    this.process = spawn(path, args, { env: { ...process.env, NO_COLOR: '1', ...env }, stdio: 'pipe' });
    this.process.stdout.setEncoding('utf8');
    this.process.stdout.on('data', (text) => (this.record += text));
    this.exit = new Promise((ended) => this.process.once('exit', ended));
  }

  type(line) {
    this.record += `${line}\n`;
    this.process.stdin.write(`${line}\n`);
  }

  async waitFor(text) {
    const limit = AbortSignal.timeout(WAIT);
    // Complete lines only.
    while (!this.record.slice(0, this.record.lastIndexOf('\n')).includes(text)) {
      assert.ok(!limit.aborted, `no ${JSON.stringify(text)} but ${JSON.stringify(this.record)}`);
      await new Promise((again) => setTimeout(again, 20));
    }
  }

  /** Closes the input, as Ctrl-D does, and waits for the exit. */
  async closeInput() {
    this.process.stdin.end();
    const limit = setTimeout(() => this.process.kill(), WAIT);
    assert.equal(await this.exit, 0, 'it ends well');
    clearTimeout(limit);
  }
}

function command(name, args) {
  return [name, ...args.map((arg) => (/^[\w@%+=:,./-]+$|^[^ -~]+$/.test(arg) ? arg : `'${arg}'`))].join(' ');
}

const path = (name) => resolve(import.meta.dirname, '..', name);

/** Returns the transcript in a README. */
export async function readTranscript(name) {
  const block = (await readFile(path(name), 'utf8')).match(BETWEEN)?.[0];
  return block?.match(/^```console\n([^]*?)\n```$/m)?.[1];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const transcript = await record();
  for (const name of READMES) {
    if (process.argv.includes('--check')) {
      assert.equal(await readTranscript(name), transcript, `${name} is not what happens; run bin/transcript`);
      continue;
    }
    const readme = await readFile(path(name), 'utf8');
    assert.match(readme, BETWEEN, `${name} has no place for the transcript`);
    const block = `\`\`\`console\n${transcript}\n\`\`\`\n`;
    await writeFile(path(name), readme.replace(BETWEEN, (_, before, after) => `${before}${block}${after}`));
  }
}
