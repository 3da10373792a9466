// One room, every transport: programs like the tutorial's, and every shell line of the documents, each
// against the real server, received by a Socket.IO client.

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
    await reader.request('join', { room: 'lobby' });
  });
  afterEach(() => {
    reader.leave();
    programs.forEach((program) => program.process.kill());
  });

  const start = (name, transport) => {
    const program = new Program(name, server.ports[transport]);
    programs.push(program);
    return program;
  };

  test('a TCP client sends one message and exits', async () => {
    const program = start('tcp-client', 'tcp');
    assert.equal(await nextText(reader), 'Hello Socket Server');
    await program.waitForOutput('closed');
    assert.match(program.output, /Welcome to Madang/);
  });

  test('TCP clients that write without line breaks talk with one another and with the page', async () => {
    const clients = [start('chat-client', 'tcp'), start('chat-client', 'tcp'), start('chat-client', 'tcp')];
    for (const client of clients) await client.waitForOutput('You are in lobby');
    clients[0].type('안녕');
    assert.equal(await nextText(reader), '안녕');
    for (const other of clients.slice(1)) await other.waitForOutput(': 안녕\n');
    reader.emit('send', { room: 'lobby', cid: 'from-the-page', body: '반가워' });
    for (const client of clients) await client.waitForOutput('지은 (guest): 반가워\n');
    assert.doesNotMatch(clients[0].output, /안녕/, 'nobody hears their own words');
  });

  test('a UDP client sends one datagram and closes', async () => {
    start('udp-client', 'udp');
    const { posted } = (await reader.next('event')).event.what;
    assert.equal(posted.body, 'Hello UDP Server');
    assert.deepEqual(posted.via, { udp: HOST });
  });
});

describe('the shell examples of the documents', async () => {
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
      await reader.request('join', { room: code.includes('deploys') ? 'deploys' : 'lobby' });
      const here = code
        .replaceAll('/dev/tcp/127.0.0.1/3001', `/dev/tcp/${HOST}/${server.ports.tcp}`)
        .replaceAll('/dev/udp/127.0.0.1/3000', `/dev/udp/${HOST}/${server.ports.udp}`)
        .replaceAll('tcp://127.0.0.1:3001', `tcp://${HOST}:${server.ports.tcp}`)
        .replaceAll('udp://127.0.0.1:3000', `udp://${HOST}:${server.ports.udp}`)
        .replaceAll(/\bmadang (?=talk|send)/g, `${binary()} `);
      const machine = { MADANG_TO: server.url, MADANG_UDP_KEY: KEY, XDG_STATE_HOME: server.data };
      await run('bash', ['-euc', here], { env: { ...process.env, ...machine } });
      assert.equal(await nextText(reader), 'build green');
      reader.leave();
    });
  }
});

describe('the table of doors', () => {
  for (const path of ['README.md', 'README.ko.md']) {
    test(`each line of ${path} works on an empty server`, async () => {
      const server = await Server.start({ '--listen': `tcp://${HOST}:0,udp://${HOST}:0` });
      const here = (line) =>
        line
          .replace(`http://${HOST}:3000`, server.url)
          .replace(`${HOST} 3001`, `${HOST} ${server.ports.tcp}`)
          .replace(`${HOST} 3000`, `${HOST} ${server.ports.udp}`);
      const [post, subscribe, connect, sendDatagram] = await readTransportTable(path);
      // Verbose, to see when the stream is open.
      const listener = spawn('bash', ['-c', `exec ${here(subscribe)} --verbose`]);
      const lineClient = spawn('bash', ['-c', `exec ${here(connect)}`]);
      let [streamOutput, lineOutput, connected] = ['', '', ''];
      listener.stderr.on('data', (text) => (connected += text));
      listener.stdout.on('data', (text) => (streamOutput += text));
      lineClient.stdout.on('data', (text) => (lineOutput += text));
      try {
        await eventually('the stream', () => connected.includes('HTTP/1.1 200'));
        await eventually('somebody in the lobby', () => lineOutput.includes('You are in lobby'));
        lineClient.stdin.write('from a line\n');
        const [, said] = post.match(/-d '(.+?)'/);
        await run('bash', ['-euc', here(post)]);
        await run('bash', ['-euc', here(sendDatagram)]);
        for (const text of ['from a line', said, 'build green']) {
          await eventually(`"${text}" at the stream`, () => streamOutput.includes(text));
        }
        for (const text of [said, 'build green']) await eventually(`"${text}" on the line`, () => lineOutput.includes(text));
      } finally {
        listener.kill();
        lineClient.kill();
        await server.stop();
      }
    });
  }
});

/** Returns the command lines of the table: posts and streams with curl, lines and datagrams with nc. */
async function readTransportTable(path) {
  const document = await readFile(resolve(import.meta.dirname, '..', path), 'utf8');
  const lines = [...document.matchAll(/^\|.*\|$/gm)].flatMap(([row]) => [...row.matchAll(/`(.+?)`/g)].map(([, code]) => code));
  return ['curl -d', 'curl -N', 'nc 127', "echo 'build"].map((begin) => {
    const line = lines.find((line) => line.startsWith(begin));
    assert.ok(line, `${path} has no ${begin}`);
    return line.replaceAll('\\|', '|');
  });
}

/** Returns the text of the next message. */
async function nextText(reader) {
  return (await reader.next('event')).event.what.posted.body;
}

/** Returns the blocks marked ```sh door. */
async function shellExamples(path) {
  const document = await readFile(resolve(import.meta.dirname, '..', path), 'utf8');
  const blocks = [...document.matchAll(/^```sh door\n([^]*?)^```$/gm)];
  return blocks.map(([, code], index) => ({ name: `${path}, example ${index + 1}`, code }));
}

/** One of the programs in e2e/tutorial, as a person runs it in a terminal. */
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
  async waitForOutput(text) {
    const limit = AbortSignal.timeout(WAIT);
    while (!this.output.includes(text)) {
      assert.ok(!limit.aborted, `it printed no ${JSON.stringify(text)} but ${JSON.stringify(this.output)}`);
      await new Promise((again) => setTimeout(again, 20));
    }
  }
}
