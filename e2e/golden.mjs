// The golden transcript: the whole protocol as it is spoken, one file for each transport. Whoever changes
// names or structure of the server sees here that nobody outside notices.
//
//   node e2e/golden.mjs            fails when something is said otherwise than in fixtures/golden
//   node e2e/golden.mjs --write    writes it anew, when the protocol is meant to change
//
// Masked are times, random values and English sentences (golden/transcript.mjs); codes, fields, their
// order, the order of messages and exit codes are not. What one client is told is in order for each kind
// of packet only: a reply may come before the event that it answers, or behind it, and a change of
// presence is told a tenth of a second later. So the scenes ask for them in an order of their own.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { recordCli } from './golden/cli.mjs';
import { recordEventStream } from './golden/event-stream.mjs';
import { recordHttp } from './golden/http.mjs';
import { recordSocketIo } from './golden/socketio.mjs';
import { recordTcp } from './golden/tcp.mjs';
import { recordUdp } from './golden/udp.mjs';

/** What is recorded, and the file in which it stands. Long-polling says what a WebSocket says. */
export const RECORDINGS = [
  { name: 'Socket.IO over WebSocket', file: 'socketio.txt', record: () => recordSocketIo('websocket') },
  { name: 'Socket.IO over long-polling', file: 'socketio.txt', record: () => recordSocketIo('polling') },
  { name: 'HTTP', file: 'http.txt', record: recordHttp },
  { name: 'server-sent events', file: 'event-stream.txt', record: recordEventStream },
  { name: 'lines over TCP', file: 'tcp.txt', record: recordTcp },
  { name: 'datagrams', file: 'udp.txt', record: recordUdp },
  { name: 'the command line', file: 'cli.txt', record: recordCli },
];

/** The refusals that nothing brings about from outside in a reasonable time, and why. */
export const UNPROVOKED = {
  room_deleted: 'only the operator deletes a room',
  too_many_newcomers: 'loopback addresses, from which the recorder connects, are exempt',
  network_removed: 'loopback addresses, from which the recorder connects, are exempt',
  no_more_rooms: 'a server refuses a new room from the hundred thousandth on',
  internal: 'a defect of the server or a damaged database, of which there is none on purpose',
};

const path = (file) => resolve(import.meta.dirname, '../fixtures/golden', file);

/** The golden text of a file. */
export function golden(file) {
  return readFile(path(file), 'utf8');
}

/** The lines that differ, scene by scene; nothing when the texts are the same. */
export function difference(expected, actual) {
  if (expected === actual) return '';
  const [old, now] = [scenes(expected), scenes(actual)];
  const titles = [...new Set([...old.keys(), ...now.keys()])];
  return titles.map((title) => differenceOf(title, old.get(title) ?? [], now.get(title) ?? [])).filter(Boolean).join('\n');
}

function scenes(text) {
  return new Map(text.split(/^(?=# )/m).map((scene) => [scene.slice(0, scene.indexOf('\n')), scene.split('\n')]));
}

/** From the first to the last line of a scene that differ, with what stands before them. */
function differenceOf(title, old, now) {
  const length = Math.min(old.length, now.length);
  let start = 0;
  while (start < length && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < length - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  if (old.length === now.length && start === length) return '';
  return [
    title,
    ...old.slice(Math.max(1, start - 2), start).map((line) => `  ${line}`),
    ...old.slice(start, old.length - end).map((line) => `- ${line}`),
    ...now.slice(start, now.length - end).map((line) => `+ ${line}`),
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const isWriting = process.argv.includes('--write');
  if (isWriting) await mkdir(path('.'), { recursive: true });
  const texts = await Promise.all(RECORDINGS.map(({ record }) => record()));
  for (const [at, { name, file }] of RECORDINGS.entries()) {
    const isFirstOfFile = RECORDINGS.findIndex((other) => other.file === file) === at;
    if (isWriting && isFirstOfFile) await writeFile(path(file), texts[at]);
    const differs = difference(await golden(file), texts[at]);
    if (!differs) continue;
    console.error(`${name} is not what fixtures/golden/${file} says:\n${differs}`);
    process.exitCode = 1;
  }
  // Clients keep a process alive for as long as their last request may take.
  process.exit();
}
