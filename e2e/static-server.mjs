// Serves a folder of files in front of madang, as a web server would: requests for madang's own paths
// are forwarded, WebSockets included.

import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { extname, join, normalize, resolve } from 'node:path';

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

export async function serveFolder(folder) {
  let madang;
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://front');
    if (/^\/(api|socket\.io)\//.test(pathname)) return forwardRequest(madang, request, response);
    const { body, type } = await readPageFile(folder, pathname);
    response.writeHead(200, { 'content-type': type }).end(body);
  });
  server.on('upgrade', (request, socket, head) => forwardUpgrade(madang, request, socket, head));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    forwardTo: (url) => (madang = url),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Returns a file of the folder; any other path gets the page. */
async function readPageFile(folder, pathname) {
  const path = join(resolve(folder), normalize(decodeURIComponent(pathname)));
  const type = TYPES[extname(path)];
  try {
    if (type) return { body: await readFile(path), type };
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return { body: await readFile(join(folder, 'index.html')), type: TYPES['.html'] };
}

function forwardRequest(madang, request, response) {
  const forwarded = http.request(new URL(request.url, madang), { method: request.method, headers: request.headers });
  forwarded.on('response', (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  forwarded.on('error', () => response.writeHead(502).end());
  request.pipe(forwarded);
}

function forwardUpgrade(madang, request, socket, head) {
  const forwarded = http.request(new URL(request.url, madang), { headers: request.headers });
  forwarded.on('upgrade', (answer, upstream, firstBytes) => {
    const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('')}\r\n`);
    socket.write(firstBytes);
    upstream.write(head);
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
    upstream.pipe(socket).pipe(upstream);
  });
  forwarded.on('response', () => socket.destroy());
  forwarded.on('error', () => socket.destroy());
  forwarded.end();
}
