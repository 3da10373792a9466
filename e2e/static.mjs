// A folder of files as a web server would serve it in front of madang: everything madang answers
// itself is passed on, WebSockets included.

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
    if (/^\/(api|socket\.io)\//.test(pathname)) return passOn(madang, request, response);
    const { body, type } = await file(folder, pathname);
    response.writeHead(200, { 'content-type': type }).end(body);
  });
  server.on('upgrade', (request, socket, head) => passOnUpgrade(madang, request, socket, head));
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    passOnTo: (url) => (madang = url),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A file of the folder; any other address is one of the page's own and gets the page. */
async function file(folder, pathname) {
  const path = join(resolve(folder), normalize(decodeURIComponent(pathname)));
  const type = TYPES[extname(path)];
  try {
    if (type) return { body: await readFile(path), type };
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return { body: await readFile(join(folder, 'index.html')), type: TYPES['.html'] };
}

function passOn(madang, request, response) {
  const onward = http.request(new URL(request.url, madang), { method: request.method, headers: request.headers });
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.writeHead(502).end());
  request.pipe(onward);
}

function passOnUpgrade(madang, request, socket, head) {
  const onward = http.request(new URL(request.url, madang), { headers: request.headers });
  onward.on('upgrade', (answer, far, firstWords) => {
    const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('')}\r\n`);
    socket.write(firstWords);
    far.write(head);
    far.on('error', () => socket.destroy());
    socket.on('error', () => far.destroy());
    far.pipe(socket).pipe(far);
  });
  onward.on('response', () => socket.destroy());
  onward.on('error', () => socket.destroy());
  onward.end();
}
