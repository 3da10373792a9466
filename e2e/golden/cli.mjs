// The command line: the names of all options, what programs read of the output, and exit codes.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from '../clients.mjs';
import { Server, binary } from '../server.mjs';
import { maskLine, Transcript } from './transcript.mjs';

/** The longest any of the programs takes. */
const LIMIT = 20_000;
const KEY = 'a-key-that-nobody-guesses';

export async function recordCli() {
  const transcript = new Transcript();
  const folder = await mkdtemp(join(tmpdir(), 'madang-golden-'));
  const server = await Server.start({ '--listen': 'tcp://127.0.0.1:0,udp://127.0.0.1:0' });
  const shell = new Shell(transcript, folder);
  try {
    await help(shell);
    await unusable(shell);
    await starting(shell, server);
    await sending(shell, server);
    await talking(shell, server);
    await unreachable(shell, server);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return transcript.toString();
}

/** Runs the program in an empty folder, with no environment but what is given. */
class Shell {
  constructor(transcript, folder) {
    this.transcript = transcript;
    this.folder = folder;
  }

  scene(title) {
    this.transcript.scene(title);
  }

  /** Runs the program to its end, which is a signal when it has printed `stopAfter`. */
  run(args, { env = {}, input, stopAfter } = {}) {
    return new Promise((ended, failed) => {
      const home = { HOME: this.folder, XDG_STATE_HOME: this.folder };
      const program = spawn(binary(), args, { cwd: this.folder, env: { ...home, ...env } });
      const output = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr']) {
        program[name].setEncoding('utf8');
        program[name].on('data', (text) => {
          output[name] += text;
          if (name === 'stdout' && stopAfter?.test(output.stdout)) program.kill('SIGTERM');
        });
      }
      // It would be a server that should not have started.
      const late = setTimeout(() => program.kill('SIGKILL'), LIMIT);
      program.on('error', failed);
      program.on('close', (code, signal) => {
        clearTimeout(late);
        ended({ ...output, code: code ?? signal });
      });
      program.stdin.on('error', () => {});
      if (input !== undefined || !stopAfter) program.stdin.end(input);
    });
  }

  /** The same, recorded: the exit code, standard output, and whether there is something on standard error. */
  async asks(args, options = {}) {
    const { stdout, stderr, code } = await this.run(args, options);
    const shown = args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`));
    const env = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
    const command = [...env, 'madang', ...shown].join(' ').replaceAll(this.folder, '<folder>');
    this.transcript.add('$', '', options.input ? `${command} <<< '${options.input}'` : command);
    for (const line of stdout.split('\n').filter(Boolean)) this.transcript.add('stdout', '<', maskLine(line));
    // One sentence, or a few; what matters is where they go.
    if (stderr) this.transcript.add('stderr', '<', /^madang: /.test(stderr) ? 'madang: <text>' : '<text>');
    this.transcript.note(`exit code ${code}`);
  }
}

async function help(shell) {
  for (const command of [[], ['serve'], ['talk'], ['send']]) {
    shell.scene(`madang ${[...command, '--help'].join(' ')}`);
    const { stdout, code } = await shell.run([...command, '--help']);
    optionsIn(stdout).forEach((option) => shell.transcript.add('', '', option));
    shell.transcript.note(`exit code ${code}`);
  }
  shell.scene('madang --version');
  const { stdout, code } = await shell.run(['--version']);
  shell.transcript.add('', '', stdout.trim().replace(/\d+\.\d+\.\d+$/, '<version>'));
  shell.transcript.note(`exit code ${code}`);
}

/** Usage, arguments, commands and options, without the words that explain them. */
function optionsIn(text) {
  const entries = text.split(/\n(?= *(?:-\w|--\w|\[[A-Z]|Usage:|Commands:|Arguments:|Options:|  \w+  ))/);
  return entries.flatMap((entry) => {
    if (entry.startsWith('Usage:')) return entry.trim().split('\n').map((line) => line.trim().replace(/madang\S*/, 'madang'));
    const name = entry.trim().match(/^(?:(?:-\w, )?--[\w-]+(?: <\w+>)?|\[\w+\](?:\.\.\.)?|\w+(?=  ))/)?.[0];
    if (!name) return [];
    const facts = [...entry.matchAll(/\[(default|env|possible values): ([^\]]+)\]/g)].map(([, fact, value]) => {
      // What happens without the option may be told in words.
      const isInWords = fact === 'default' && /^[^:]* [^:]*$/.test(value);
      return `[${fact}: ${isInWords ? '<text>' : value.replace(/\s+/g, ' ')}]`;
    });
    return [[name, ...facts.sort()].join(' ')];
  });
}

async function unusable(shell) {
  shell.scene('options that can not be used');
  const file = join(shell.folder, 'wrong.toml');
  await writeFile(file, 'colour = "blue"\n');
  for (const args of [
    ['--nonsense'],
    ['dance'],
    ['--listen'],
    ['--listen', 'nonsense'],
    ['--listen', 'gopher://127.0.0.1:70'],
    ['--listen', 'http://127.0.0.1:3000/path'],
    ['--listen', 'http://127.0.0.1:3000,http://127.0.0.1:3000'],
    ['--listen', 'udp://0.0.0.0:3000'],
    ['--udp-key', 'short'],
    ['--public-url', 'chat.example.com'],
    ['--database', 'postgres:x'],
    ['--message-rate', '0'],
    ['--message-burst', '-1'],
    ['--join-rate', 'many'],
    ['--join-burst', '0.5'],
    ['--max-connections', '0'],
    ['--max-connections-per-address', '0'],
    ['--log', '='],
    ['--log-format', 'xml'],
    ['--config', 'missing.toml'],
    ['--config', file],
    ['send', '--to', 'nonsense', 'hello'],
    ['send', '--to', 'https://127.0.0.1', 'hello'],
    ['send', '--to', 'udp://192.0.2.7:3000', 'hello'],
    ['send', '--to', 'tcp://127.0.0.1:3001', '--token', '0', 'hello'],
    ['send', '--room', 'a/b', 'hello'],
    ['send', '--name', ' ', 'hello'],
    ['send', '--timeout', 'x', 'hello'],
    ['talk', '--to', 'udp://127.0.0.1:3000'],
    ['talk', '--color', 'blue'],
    ['talk', 'a/b'],
  ]) {
    await shell.asks(args);
  }
}

async function starting(shell, server) {
  shell.scene('a server starts and is stopped');
  const isOpen = /(Madang is open at .*\n){3}/;
  const listen = 'http://127.0.0.1:0,tcp://127.0.0.1:0,udp://127.0.0.1:0';
  await shell.asks(['--listen', listen, '--log', 'off'], { stopAfter: isOpen });
  const every = {
    LISTEN: listen,
    DATA: 'data',
    DATABASE: 'sqlite:other.sqlite',
    PUBLIC_URL: 'https://chat.example.com',
    MESSAGE_RATE: '1.5',
    MESSAGE_BURST: '2',
    JOIN_RATE: '3',
    JOIN_BURST: '4',
    MAX_CONNECTIONS: '5',
    MAX_CONNECTIONS_PER_ADDRESS: '6',
    UDP_KEY: KEY,
    LOG: 'off',
    LOG_FORMAT: 'json',
  };
  const env = Object.fromEntries(Object.entries(every).map(([name, value]) => [`MADANG_${name}`, value]));
  await shell.asks(['serve'], { env, stopAfter: isOpen });
  const file = join(shell.folder, 'every.toml');
  const isNumber = (name) => /RATE|BURST|MAX/.test(name);
  const isList = (name) => ['LISTEN', 'PUBLIC_URL'].includes(name);
  const written = Object.entries(every).map(([name, value]) => {
    const quoted = isNumber(name) ? value : JSON.stringify(isList(name) ? value.split(',') : value);
    return `${name.toLowerCase().replaceAll('_', '-')} = ${quoted}\n`;
  });
  await writeFile(file, written.join(''));
  await shell.asks(['--config', file], { stopAfter: isOpen });

  shell.scene('a server that can not start');
  await shell.asks(['--listen', server.url, '--log', 'off']);
  await shell.asks(['--listen', 'http://127.0.0.1:0', '--database', 'sqlite:wrong.toml/madang.sqlite', '--log', 'off']);
}

async function sending(shell, server) {
  shell.scene('madang send');
  const { tcp, udp } = server.ports;
  const [http, lines, datagrams] = [server.url, `tcp://127.0.0.1:${tcp}`, `udp://127.0.0.1:${udp}`];
  for (const to of [http, lines, datagrams]) {
    await shell.asks(['send', '--to', to, 'build', 'green']);
    await shell.asks(['send', '--to', to, '--room', 'deploys', '--name', 'build bot'], { input: 'one\n\ntwo\n' });
    await shell.asks(['send', '--to', to, ' ']);
    await shell.asks(['send', '--to', to], { input: `one\n${'x'.repeat(4001)}\nthree\n` });
  }
  await shell.asks(['send', 'by environment'], { env: { MADANG_TO: http } });
  await shell.asks(['send', '--to', http, '--token', '0', 'hello']);
  await shell.asks(['send', '--to', lines, 'hello'], { env: { MADANG_TOKEN: '0' } });
}

async function talking(shell, server) {
  shell.scene('madang talk through a pipe');
  const lines = `tcp://127.0.0.1:${server.ports.tcp}`;
  for (const to of [server.url, lines]) {
    await shell.asks(['talk', '--to', to, '--name', '지은'], { input: '안녕\n' });
    await shell.asks(['talk', 'deploys', '--to', to], { input: '/history 2\n/help\n/dance\n' });
  }
  await shell.asks(['talk', '--to', server.url, '--token', '0'], { input: '안녕\n' });

  const person = await Client.connect(server.url, { generation: '4', transport: 'websocket', name: '주인' });
  await person.request('join', { room: '마당' });
  await person.request('send', { room: '마당', cid: 'a', body: '하나' });
  const talking = shell.asks(['talk', '마당', '--to', lines, '--name', '지은'], { stopAfter: /\t셋\n/ });
  await person.next('presence');
  await person.request('send', { room: '마당', cid: 'b', body: '둘\n셋' });
  await talking;
  person.leave();
}

async function unreachable(shell, server) {
  shell.scene('nobody answers');
  const port = await freePort();
  await shell.asks(['send', '--to', `http://127.0.0.1:${port}`, '--timeout', '1', 'hello']);
  await shell.asks(['send', '--to', `tcp://127.0.0.1:${port}`, '--timeout', '1', 'hello']);
  await shell.asks(['talk', '--to', `http://127.0.0.1:${port}`, '--timeout', '1'], { input: 'hello\n' });
}

/** A port at which nobody listens. */
async function freePort() {
  const listener = createServer();
  await new Promise((listening) => listener.listen(0, '127.0.0.1', listening));
  const { port } = listener.address();
  await new Promise((closed) => listener.close(closed));
  return port;
}
