// Intercepts the WebSocket between a page and the server: a test can drop, rewrite, hold or answer
// frames, and cut the connection.

export class WebSocketProxy {
  /** Intercepts the connections of a person whose page is not open yet. */
  static async intercept(person) {
    const proxy = new WebSocketProxy();
    await person.context.routeWebSocket(/\/socket\.io\//, (page) => proxy.open(page));
    return proxy;
  }

  constructor() {
    this.isCut = false;
    this.connections = [];
    /** Which frames of the server are dropped. */
    this.drops = () => false;
    /** Returns the frame to deliver instead. */
    this.rewrites = (frame) => frame;
    /** Which frames of the page are held until `releaseHeld`. */
    this.holds = () => false;
    this.held = [];
    /** Returns a frame to answer with, instead of forwarding the frame of the page. */
    this.answers = () => undefined;
  }

  open(page) {
    if (this.isCut) return page.close();
    const server = page.connectToServer();
    this.connections.push(page);
    page.onMessage((frame) => {
      const answer = this.answers(frame);
      if (answer) page.send(answer);
      else if (this.holds(frame)) this.held.push(() => server.send(frame));
      else server.send(frame);
    });
    server.onMessage((frame) => {
      if (!this.drops(frame)) page.send(this.rewrites(frame));
    });
  }

  /** Forwards all held frames. */
  releaseHeld() {
    this.holds = () => false;
    for (const send of this.held.splice(0)) send();
  }

  /** Cuts the connection, and every new one until `restore`. */
  async cut() {
    this.isCut = true;
    await Promise.all(this.connections.splice(0).map((page) => page.close()));
  }

  restore() {
    this.isCut = false;
  }

  /** Refuses commands for which `matches` is true, as the server would. */
  refuse(code, matches) {
    this.answers = (frame) => {
      const [, ack, command] = `${frame}`.match(/^42(\d+)(\[.*)$/s) ?? [];
      if (ack && matches(...JSON.parse(command))) return `43${ack}[{"error":{"code":"${code}","message":""}}]`;
    };
  }

  /** Waits until the server refuses something with this code. */
  nextRefusal(code) {
    return new Promise((resolve) => {
      this.drops = (frame) => {
        if (`${frame}`.startsWith('43') && `${frame}`.includes(`"code":"${code}"`)) resolve();
        return false;
      };
    });
  }
}

/** Returns whether a frame is the event of a message with this text. */
export const isEventWithText = (text) => (frame) => `${frame}`.startsWith('42["event"') && `${frame}`.includes(JSON.stringify(text));

/** Returns whether a frame is the reply to `send`. */
export const isSendReply = (frame) => /^43\d+\[\{"cid"/.test(`${frame}`);
