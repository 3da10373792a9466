// Orders the functions of a module so that similar ones are next to each other, which brotli compresses
// better.
//   node bin/order-functions.mjs app.wasm named.wasm
//   wasm-opt --reorder-functions-by-name named.wasm ...
// It moves nothing itself: it gives every function its position as a name, and wasm-opt sorts by name,
// because it can renumber the calls.

import { readFileSync, writeFileSync } from 'node:fs';

const CUSTOM_SECTION = 0;
const CODE_SECTION = 10;
const FUNCTION_NAMES = 1;

// The similarity of two functions is the number of pieces, each this many bytes long, that both contain.
// Pieces that more functions contain than TOO_COMMON say little and would take long to count.
const PIECE = 4;
const TOO_COMMON = 1000;
// A long function shares pieces with all others, so a length above LONG counts against it. REMEMBERED is
// the part of a function's similarity that still counts after the next one. All values are tried out.
const LONG = 1000;
const REMEMBERED = 0.6;

/** Returns the WebAssembly number (LEB128) at `at`, and the position after it. */
function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

function numberBytes(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return Buffer.from([...bytes, value]);
}

const withLength = (bytes) => Buffer.concat([numberBytes(bytes.length), bytes]);

/** Returns the bodies of the module's own functions, in order. */
function functionBodies(module) {
  for (let at = 8, start, size; at < module.length; at = start + size) {
    [size, start] = number(module, at + 1);
    if (module[at] !== CODE_SECTION) continue;
    let [count, next] = number(module, start);
    return Array.from({ length: count }, () => {
      const [length, body] = number(module, next);
      next = body + length;
      return module.subarray(body, next);
    });
  }
  throw new Error('there is no code in the module');
}

function pieces(body) {
  const found = new Set();
  for (let at = 0; at + PIECE <= body.length; at++) found.add(body.toString('latin1', at, at + PIECE));
  return [...found];
}

/** Returns, for each function and each of its pieces, the functions that contain the piece. */
function sharers(bodies) {
  const holders = new Map();
  const held = bodies.map((body, index) =>
    pieces(body).map((piece) => {
      if (!holders.has(piece)) holders.set(piece, []);
      holders.get(piece).push(index);
      return holders.get(piece);
    }),
  );
  return held.map((lists) => lists.filter(({ length }) => length > 1 && length <= TOO_COMMON));
}

/** Orders the functions: each is followed by the one most similar to it and, less and less, to those before. */
function order(bodies) {
  const shared = sharers(bodies);
  const placed = new Set();
  const likeness = new Float64Array(bodies.length);
  let next = 0;
  while (next >= 0) {
    placed.add(next);
    likeness.forEach((much, index) => (likeness[index] = much * REMEMBERED));
    for (const holders of shared[next]) {
      const rarity = 1 / Math.log2(1 + holders.length);
      for (const index of holders) likeness[index] += rarity / Math.sqrt(LONG + bodies[index].length);
    }
    next = -1;
    likeness.forEach((much, index) => {
      if (!placed.has(index) && (next < 0 || much > likeness[next])) next = index;
    });
  }
  return [...placed];
}

const [source, target] = process.argv.slice(2);
const module = readFileSync(source);
const imported = WebAssembly.Module.imports(new WebAssembly.Module(module));
const first = imported.filter(({ kind }) => kind === 'function').length;

const names = [];
order(functionBodies(module)).forEach((index, place) => {
  const name = Buffer.from(`${place}`.padStart(8, '0'));
  names[index] = Buffer.concat([numberBytes(first + index), withLength(name)]);
});
const section = Buffer.concat([
  withLength(Buffer.from('name')),
  Buffer.from([FUNCTION_NAMES]),
  withLength(Buffer.concat([numberBytes(names.length), ...names])),
]);
writeFileSync(target, Buffer.concat([module, Buffer.from([CUSTOM_SECTION]), withLength(section)]));
