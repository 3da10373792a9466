// Weighs a first visit: node e2e/size.mjs LIMIT
// A browser says what it asks for, from the link to a room until one is in it; each of these files
// is then fetched as it is and as the server compresses it.

import http from 'node:http';

import { launch, Person } from './page.mjs';
import { Server } from './server.mjs';

const limit = Number(process.argv[2]);
const server = await Server.start();
const browser = await launch();

try {
  const paths = await askedFor();
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

async function askedFor() {
  const visitor = await Person.arrive(browser, server.url, '지은');
  const paths = new Set();
  visitor.page.on('request', (request) => {
    if (request.method() === 'GET') paths.add(new URL(request.url()).pathname);
  });
  await visitor.enter('첫 방문');
  await visitor.say('안녕');
  await visitor.sees('안녕');
  // A browser without a window leaves the icon out.
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
