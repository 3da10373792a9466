// Weighs a first visit: node e2e/size.mjs LIMIT
// Records which files a browser requests, from the link to a room until it is joined; each is then
// fetched uncompressed and as the server compresses it.

import http from 'node:http';

import { launch, Person } from './page.mjs';
import { Server } from './server.mjs';

const limit = Number(process.argv[2]);
const server = await Server.start();
const browser = await launch();

try {
  const paths = await requestedPaths();
  const rows = await Promise.all([...paths].map(weigh));
  rows.sort((one, other) => other.brotli - one.brotli);
  const sum = (kind) => rows.reduce((total, row) => total + row[kind], 0);
  const total = { path: `together (limit ${limit})`, raw: sum('raw'), brotli: sum('brotli') };
  print({ path: 'first visit', raw: 'raw', brotli: 'brotli' });
  [...rows, total].forEach(print);
  if (!(total.brotli <= limit)) throw new Error(`a first visit is heavier than ${limit} bytes`);
} finally {
  await browser.close();
  await server.stop();
}

async function requestedPaths() {
  const visitor = await Person.open(browser, server.url, '지은');
  const paths = new Set();
  visitor.page.on('request', (request) => {
    if (request.method() === 'GET') paths.add(new URL(request.url()).pathname);
  });
  await visitor.joinRoom('첫 방문');
  await visitor.send('안녕');
  await visitor.waitForMessage('안녕');
  // A headless browser does not request the icon.
  const links = await visitor.page.locator('link[rel=icon], link[rel=manifest]').all();
  for (const link of links) paths.add(await link.getAttribute('href'));
  return paths;
}

async function weigh(path) {
  const [raw, brotli] = await Promise.all([size(path, 'identity'), size(path, 'br')]);
  return { path, raw, brotli };
}

function size(path, encoding) {
  return new Promise((weighed, failed) => {
    const request = http.get(new URL(path, server.url), { headers: { 'accept-encoding': encoding } }, (response) => {
      if (response.statusCode !== 200) failed(new Error(`${path}: ${response.statusCode}`));
      let bytes = 0;
      response.on('data', (chunk) => (bytes += chunk.length));
      response.on('end', () => weighed(bytes));
    });
    request.on('error', failed);
  });
}

function print({ path, raw, brotli }) {
  console.log(decodeURIComponent(path).padEnd(40), String(raw).padStart(10), String(brotli).padStart(10));
}
