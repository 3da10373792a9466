// The four generations of Socket.IO client, driven alike: every event is kept until a test takes
// it, so nothing is missed between two awaits, and every wait has an end.

const WAIT = 10_000;
const EVENTS = ['connect', 'connect_error', 'disconnect', 'chat message', 'result', 'event', 'presence', 'removed'];

export const GENERATIONS = ['1.7', '2', '3', '4'];
// "upgrade" is what every client does by itself: it polls first and moves to WebSocket.
export const TRANSPORTS = ['websocket', 'polling', 'upgrade'];

const libraries = new Map();
for (const generation of GENERATIONS) {
  const library = await import(`sio${generation[0]}`);
  libraries.set(generation, library.io ?? library.default);
}

export class Client {
  /** Connects and waits to be let in. */
  static async connect(url, { generation, transport, name }) {
    const client = new Client(url, { generation, transport, name });
    await client.told('connect');
    return client;
  }

  constructor(url, { generation, transport, name }) {
    // Clients before 3 have no `auth`: they say their name in the address.
    const introduction = generation < '3' ? { query: { name } } : { auth: { name } };
    this.socket = libraries.get(generation)(url, {
      transports: transport === 'upgrade' ? ['polling', 'websocket'] : [transport],
      forceNew: true,
      reconnection: false,
      ...introduction,
    });
    this.kept = new Map(EVENTS.map((event) => [event, []]));
    this.waiting = new Map(EVENTS.map((event) => [event, []]));
    for (const event of EVENTS) {
      this.socket.on(event, (payload) => {
        const waiter = this.waiting.get(event).shift();
        if (waiter) waiter(payload);
        else this.kept.get(event).push(payload);
      });
    }
  }

  /** The payload of the next such event, in the order they came. */
  told(event) {
    const kept = this.kept.get(event);
    if (kept.length > 0) return Promise.resolve(kept.shift());
    return within(`"${event}"`, (take) => this.waiting.get(event).push(take));
  }

  /** How many such events came and were not taken. */
  untaken(event) {
    return this.kept.get(event).length;
  }

  say(event, payload) {
    this.socket.emit(event, payload);
  }

  /** Emits with an acknowledgement and returns the answer, refusals included. */
  ask(event, payload) {
    return within(`the answer to "${event}"`, (take) => this.socket.emit(event, payload, take));
  }

  /** Goes away the way a program does that ends. */
  leave() {
    this.socket.disconnect();
  }
}

function within(what, start) {
  return new Promise((done, missed) => {
    const limit = setTimeout(() => missed(new Error(`${what} did not come within ${WAIT} ms`)), WAIT);
    start((value) => {
      clearTimeout(limit);
      done(value);
    });
  });
}

/** Repeats `attempt` until it gives something truthy; fails after the limit. */
export async function eventually(what, attempt, limit = WAIT) {
  const end = Date.now() + limit;
  for (;;) {
    const result = await attempt();
    if (result) return result;
    if (Date.now() > end) throw new Error(`${what} did not happen within ${limit} ms`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

let rooms = 0;

/** A room nobody else uses. */
export function newRoom() {
  rooms += 1;
  return `마당 ${process.pid}-${rooms}`;
}

let cids = 0;

export function newCid() {
  cids += 1;
  return `cid-${process.pid}-${cids}`;
}
