// The page inside the binary, as a browser and its cache see it.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { Server } from './server.mjs';

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

/** The raw answer: `fetch` would unpack it. */
function get(path, headers = {}, method = 'GET') {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, server.url), { method, headers }, async (answer) => {
      const parts = await answer.toArray();
      resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) });
    });
    asked.on('error', reject).end();
  });
}

async function parts() {
  const { body } = await get('/');
  return [...body.toString().matchAll(/(?:href|src)="(\/pkg\/[^"]+)"/g)].map(([, path]) => path);
}

test('every part has a name of its own content and may be kept for ever', async () => {
  const paths = await parts();
  for (const ending of ['css', 'js', 'wasm']) assert.ok(paths.some((path) => path.endsWith(`.${ending}`)), ending);
  for (const path of paths) {
    assert.match(path, /^\/pkg\/(app|start)\.[^.]+\.(css|js|wasm)$/);
    const { status, headers } = await get(path);
    assert.equal(status, 200, path);
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
  }
});

test('every part has its type and comes packed as the browser takes it', async () => {
  const types = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', wasm: 'application/wasm' };
  for (const path of await parts()) {
    const plain = await get(path);
    assert.equal(plain.headers['content-type'], types[path.split('.').at(-1)]);
    assert.equal(plain.headers['content-encoding'], undefined);
    const brotli = await get(path, { 'accept-encoding': 'gzip, deflate, br, zstd' });
    const gzip = await get(path, { 'accept-encoding': 'gzip' });
    // A start script of two lines is not made smaller by packing.
    if (path.startsWith('/pkg/app.')) {
      assert.equal(brotli.headers['content-encoding'], 'br');
      assert.equal(gzip.headers['content-encoding'], 'gzip');
      assert.deepEqual(brotliDecompressSync(brotli.body), plain.body);
      assert.deepEqual(gunzipSync(gzip.body), plain.body);
    }
    assert.equal(brotli.headers.vary, 'Accept-Encoding');
  }
});

test('the page itself is asked for again, and is not sent again', async () => {
  const first = await get('/r/%EB%A7%88%EB%8B%B9');
  assert.equal(first.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(first.headers['cache-control'], 'no-cache');
  const again = await get('/', { 'if-none-match': first.headers.etag });
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
});

test('what is not there is the page with a 404, and only reading is allowed', async () => {
  const missing = await get('/no/such/thing');
  assert.equal(missing.status, 404);
  assert.match(missing.body.toString(), /<html/);
  assert.equal((await get('/', {}, 'DELETE')).status, 405);
  const head = await get('/', {}, 'HEAD');
  assert.deepEqual([head.status, head.body.length], [200, 0]);
});
