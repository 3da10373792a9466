// One room, every door: programs of the tutorial's shape, and every line of a shell that the
// documents offer, each against the real server, heard by a Socket.IO client.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { Client, eventually } from './clients.mjs';
import { Server, binary } from './server.mjs';

const HOST = '127.0.0.1';
const WAIT = 10_000;
const KEY = 'a-key-that-nobody-guesses';
const run = promisify(execFile);

describe('the tutorial', () => {
  let server;
  let reader;
  let programs;
  before(async () => (server = await Server.start({ '--listen': `tcp://${HOST}:0,udp://${HOST}:0` })));
  after(() => server.stop());
  beforeEach(async () => {
    programs = [];
    reader = await Client.connect(server.url, { generation: '4', transport: 'websocket', name: '지은' });
    await reader.ask('join', { room: 'lobby' });
  });
  afterEach(() => {
    reader.leave();
    programs.forEach((program) => program.process.kill());
  });

  const start = (name, door) => {
    const program = new Program(name, server.ports[door]);
    programs.push(program);
    return program;
  };

  test('a TCP client that says one thing and ends', async () => {
    const program = start('tcp-client', 'tcp');
    assert.equal(await said(reader), 'Hello Socket Server');
    await program.printed('closed');
    assert.match(program.output, /Welcome to Madang/);
  });

  test('TCP clients that write lines without a line break talk with one another and with the page', async () => {
    const clients = [start('chat-client', 'tcp'), start('chat-client', 'tcp'), start('chat-client', 'tcp')];
    for (const client of clients) await client.printed('You are in lobby');
    clients[0].type('안녕');
    assert.equal(await said(reader), '안녕');
    for (const other of clients.slice(1)) await other.printed(': 안녕\n');
    reader.say('send', { room: 'lobby', cid: 'from-the-page', body: '반가워' });
    for (const client of clients) await client.printed('지은: 반가워\n');
    assert.doesNotMatch(clients[0].output, /안녕/, 'nobody hears their own words');
  });

  test('a UDP client that sends one datagram and closes', async () => {
    start('udp-client', 'udp');
    const { posted } = (await reader.told('event')).event.what;
    assert.equal(posted.body, 'Hello UDP Server');
    assert.deepEqual(posted.via, { udp: HOST });
  });
});

describe('what the documents offer to a shell', async () => {
  const documents = ['README.md', 'README.ko.md', 'docs/protocol.md', 'docs/cli.md'];
  const examples = (await Promise.all(documents.map(shellExamples))).flat();
  let open;
  let keyed;
  before(async () => {
    open = await Server.start({ '--listen': `tcp://${HOST}:0,udp://${HOST}:0` });
    keyed = await Server.start({ '--listen': `udp://${HOST}:0`, '--udp-key': KEY });
  });
  after(() => Promise.all([open.stop(), keyed.stop()]));

  test('the documents have examples', () => assert.ok(examples.length > 2));

  for (const { name, code } of examples) {
    test(name, async () => {
      const server = code.includes('MADANG_UDP_KEY') ? keyed : open;
      const reader = await Client.connect(server.url, { generation: '4', transport: 'websocket', name: '지은' });
      await reader.ask('join', { room: code.includes('deploys') ? 'deploys' : 'lobby' });
      const here = code
        .replaceAll('/dev/tcp/127.0.0.1/3001', `/dev/tcp/${HOST}/${server.ports.tcp}`)
        .replaceAll('/dev/udp/127.0.0.1/3000', `/dev/udp/${HOST}/${server.ports.udp}`)
        .replaceAll('tcp://127.0.0.1:3001', `tcp://${HOST}:${server.ports.tcp}`)
        .replaceAll('udp://127.0.0.1:3000', `udp://${HOST}:${server.ports.udp}`)
        .replaceAll(/\bmadang (?=talk|send)/g, `${binary()} `);
      const machine = { MADANG_TO: server.url, MADANG_UDP_KEY: KEY, XDG_STATE_HOME: server.data };
      await run('bash', ['-euc', here], { env: { ...process.env, ...machine } });
      assert.equal(await said(reader), 'build green');
      reader.leave();
    });
  }
});

describe('the table of doors', () => {
  for (const path of ['README.md', 'README.ko.md']) {
    test(`each line of ${path} works on a server where nobody has said anything`, async () => {
      const server = await Server.start({ '--listen': `tcp://${HOST}:0,udp://${HOST}:0` });
      const here = (line) =>
        line
          .replace(`http://${HOST}:3000`, server.url)
          .replace(`${HOST} 3001`, `${HOST} ${server.ports.tcp}`)
          .replace(`${HOST} 3000`, `${HOST} ${server.ports.udp}`);
      const [says, hears, talks, sends] = await doorsTable(path);
      // Told about the connection too, to know when it listens.
      const listener = spawn('bash', ['-c', `exec ${here(hears)} --verbose`]);
      const caller = spawn('bash', ['-c', `exec ${here(talks)}`]);
      let [heard, told, connected] = ['', '', ''];
      listener.stderr.on('data', (text) => (connected += text));
      listener.stdout.on('data', (text) => (heard += text));
      caller.stdout.on('data', (text) => (told += text));
      try {
        await eventually('the stream', () => connected.includes('HTTP/1.1 200'));
        await eventually('somebody in the lobby', () => told.includes('You are in lobby'));
        caller.stdin.write('from a line\n');
        const [, said] = says.match(/-d '(.+?)'/);
        await run('bash', ['-euc', here(says)]);
        await run('bash', ['-euc', here(sends)]);
        for (const text of ['from a line', said, 'build green']) {
          await eventually(`"${text}" at the stream`, () => heard.includes(text));
        }
        for (const text of [said, 'build green']) await eventually(`"${text}" on the line`, () => told.includes(text));
      } finally {
        listener.kill();
        caller.kill();
        await server.stop();
      }
    });
  }
});

/** The command lines of the table of doors: says and hears by curl, talks and sends by nc. */
async function doorsTable(path) {
  const document = await readFile(resolve(import.meta.dirname, '..', path), 'utf8');
  const lines = [...document.matchAll(/^\|.*\|$/gm)].flatMap(([row]) => [...row.matchAll(/`(.+?)`/g)].map(([, code]) => code));
  return ['curl -d', 'curl -N', 'nc 127', "echo 'build"].map((begin) => {
    const line = lines.find((line) => line.startsWith(begin));
    assert.ok(line, `${path} has no ${begin}`);
    return line.replaceAll('\\|', '|');
  });
}

/** The text of the next message. */
async function said(reader) {
  return (await reader.told('event')).event.what.posted.body;
}

/** Blocks marked ```sh door. */
async function shellExamples(path) {
  const document = await readFile(resolve(import.meta.dirname, '..', path), 'utf8');
  const blocks = [...document.matchAll(/^```sh door\n([^]*?)^```$/gm)];
  return blocks.map(([, code], index) => ({ name: `${path}, example ${index + 1}`, code }));
}

/** One of the programs in e2e/tutorial, as somebody runs it in a terminal. */
class Program {
  constructor(name, port) {
    const path = resolve(import.meta.dirname, 'tutorial', `${name}.mjs`);
    this.process = spawn(process.execPath, [path, HOST, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.output = '';
    this.process.stdout.setEncoding('utf8');
    this.process.stdout.on('data', (text) => (this.output += text));
  }

  type(line) {
    this.process.stdin.write(`${line}\n`);
  }

  /** Waits until it has printed this. */
  async printed(text) {
    const limit = AbortSignal.timeout(WAIT);
    while (!this.output.includes(text)) {
      assert.ok(!limit.aborted, `it printed no ${JSON.stringify(text)} but ${JSON.stringify(this.output)}`);
      await new Promise((again) => setTimeout(again, 20));
    }
  }
}
