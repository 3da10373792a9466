// One HTTP request whose every header is ours to choose, unlike that of `fetch`.

import { request as httpRequest } from 'node:http';

/** Sends a request and waits for the head of the response; its body is still to be read. */
export function open(url, method, path, { headers = {}, body, agent = false } = {}) {
  return new Promise((opened, failed) => {
    const sent = httpRequest(new URL(encodeURI(path).replaceAll('%25', '%'), url), { method, headers, agent }, (response) => {
      response.setEncoding('utf8');
      opened(response);
    });
    sent.on('error', failed);
    sent.end(body);
  });
}

/** Sends a request and reads the whole response. */
export async function request(url, method, path, options) {
  const response = await open(url, method, path, options);
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, headers: response.headers, body };
}
