// The page inside the binary, as a browser and its cache see it.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { Server } from './server.mjs';

let server;
before(async () => (server = await Server.start()));
after(() => server.stop());

/** Returns the raw response; `fetch` would decompress it. */
function get(path, headers = {}, method = 'GET') {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, server.url), { method, headers }, async (answer) => {
      const listAssets = await answer.toArray();
      resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(listAssets) });
    });
    asked.on('error', reject).end();
  });
}

async function listAssets() {
  const { body } = await get('/');
  return [...body.toString().matchAll(/(?:href|src)="(\/pkg\/[^"]+)"/g)].map(([, path]) => path);
}

test('every asset is named by its content and may be cached for ever', async () => {
  const paths = await listAssets();
  for (const ending of ['css', 'js', 'wasm']) assert.ok(paths.some((path) => path.endsWith(`.${ending}`)), ending);
  for (const path of paths) {
    assert.match(path, /^\/pkg\/(app|start)\.[^.]+\.(css|js|wasm)$/);
    const { status, headers } = await get(path);
    assert.equal(status, 200, path);
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
  }
});

test('every asset has its type and an encoding that the browser accepts', async () => {
  const types = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', wasm: 'application/wasm' };
  for (const path of await listAssets()) {
    const plain = await get(path);
    assert.equal(plain.headers['content-type'], types[path.split('.').at(-1)]);
    assert.equal(plain.headers['content-encoding'], undefined);
    const brotli = await get(path, { 'accept-encoding': 'gzip, deflate, br, zstd' });
    const gzip = await get(path, { 'accept-encoding': 'gzip' });
    // A start script of two lines does not get smaller by compression.
    if (path.startsWith('/pkg/app.')) {
      assert.equal(brotli.headers['content-encoding'], 'br');
      assert.equal(gzip.headers['content-encoding'], 'gzip');
      assert.deepEqual(brotliDecompressSync(brotli.body), plain.body);
      assert.deepEqual(gunzipSync(gzip.body), plain.body);
    }
    assert.equal(brotli.headers.vary, 'Accept-Encoding');
  }
});

test('the page itself is revalidated and not sent again', async () => {
  const first = await get('/r/%EB%A7%88%EB%8B%B9');
  assert.equal(first.headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(first.headers['cache-control'], 'no-cache');
  const again = await get('/', { 'if-none-match': first.headers.etag });
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
});

test('unknown paths return the page with 404, and only GET and HEAD are allowed', async () => {
  const missing = await get('/no/such/thing');
  assert.equal(missing.status, 404);
  assert.match(missing.body.toString(), /<html/);
  assert.equal((await get('/', {}, 'DELETE')).status, 405);
  const head = await get('/', {}, 'HEAD');
  assert.deepEqual([head.status, head.body.length], [200, 0]);
});
