// The four generations of the Socket.IO client behind one interface: every event is queued until a test
// takes it, so nothing is missed between two awaits, and every wait has a timeout.

const WAIT = 10_000;
const EVENTS = ['connect', 'connect_error', 'disconnect', 'chat message', 'result', 'event', 'presence', 'removed'];

export const GENERATIONS = ['1.7', '2', '3', '4'];
// "upgrade" is the default of every client: it polls first and upgrades to a WebSocket.
export const TRANSPORTS = ['websocket', 'polling', 'upgrade'];

const libraries = new Map();
for (const generation of GENERATIONS) {
  const library = await import(`sio${generation[0]}`);
  libraries.set(generation, library.io ?? library.default);
}

export class Client {
  /** Connects and waits until the namespace is entered. */
  static async connect(url, { generation, transport, name }) {
    const client = new Client(url, { generation, transport, name });
    await client.next('connect');
    return client;
  }

  constructor(url, { generation, transport, name }) {
    // Clients before version 3 have no `auth`, and put the name into the query.
    const nameOption = generation < '3' ? { query: { name } } : { auth: { name } };
    this.socket = libraries.get(generation)(url, {
      transports: transport === 'upgrade' ? ['polling', 'websocket'] : [transport],
      forceNew: true,
      reconnection: false,
      ...nameOption,
    });
    this.received = new Map(EVENTS.map((event) => [event, []]));
    this.waiting = new Map(EVENTS.map((event) => [event, []]));
    for (const event of EVENTS) {
      this.socket.on(event, (payload) => {
        const waiter = this.waiting.get(event).shift();
        if (waiter) waiter(payload);
        else this.received.get(event).push(payload);
      });
    }
  }

  /** Returns the payload of the next such event, in the order of arrival. */
  next(event) {
    const received = this.received.get(event);
    if (received.length > 0) return Promise.resolve(received.shift());
    return within(`"${event}"`, (take) => this.waiting.get(event).push(take));
  }

  /** Returns how many such events are queued. */
  pendingCount(event) {
    return this.received.get(event).length;
  }

  emit(event, payload) {
    this.socket.emit(event, payload);
  }

  /** Emits with an acknowledgement and returns the reply, refusals included. */
  request(event, payload) {
    return within(`the answer to "${event}"`, (take) => this.socket.emit(event, payload, take));
  }

  /** Disconnects, as a program does that exits. */
  leave() {
    this.socket.disconnect();
  }
}

function within(what, start) {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`${what} did not come within ${WAIT} ms`)), WAIT);
    start((value) => {
      clearTimeout(limit);
      resolve(value);
    });
  });
}

/** Repeats `attempt` until it returns something truthy; fails after the limit. */
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

/** Returns the name of a room that no other test uses. */
export function newRoomName() {
  rooms += 1;
  return `마당 ${process.pid}-${rooms}`;
}

let cids = 0;

export function newCid() {
  cids += 1;
  return `cid-${process.pid}-${cids}`;
}
