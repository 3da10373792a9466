"""The tutorial's contract and one command, as python-socketio speaks them.

Run by python.test.mjs: contract.py URL websocket|polling
Every failure is an exception, so the exit code tells.
"""

import queue
import sys
import uuid

import socketio
from engineio.payload import Payload

WAIT = 10

# As docs/protocol.md tells users of this client: by itself it gives up a connection over
# long-polling when one answer holds more than 16 packets.
Payload.max_decode_packets = 256


class Client:
    def __init__(self, url, transport, name):
        self.socket = socketio.Client(reconnection=False)
        # It gives each message a thread of its own, which may hand it over behind the next one. Here
        # they are handed over where they are read, in the order in which they came.
        trigger = self.socket.eio._trigger_event
        self.socket.eio._trigger_event = lambda *args, **options: trigger(*args, **{**options, "run_async": False})
        self.kept = {event: queue.Queue() for event in ("chat message", "result", "event")}
        for event, kept in self.kept.items():
            self.socket.on(event, kept.put)
        self.socket.connect(url, auth={"name": name}, transports=[transport], wait_timeout=WAIT)

    def told(self, event):
        return self.kept[event].get(timeout=WAIT)

    def ask(self, event, payload):
        return self.socket.call(event, payload, timeout=WAIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.disconnect()


def same(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


def tutorial(url, transport):
    room = f"파이썬 {uuid.uuid4()}"
    with Client(url, transport, "지은") as jieun, Client(url, transport, "민호") as minho:
        jieun.ask("room", room)
        minho.ask("room", room)
        burst = [f"메시지 {number}" for number in range(50)]
        for text in burst:
            jieun.socket.emit("chat message", text)
        same([minho.told("chat message") for _ in burst], burst)
        same([jieun.told("chat message") for _ in burst], burst)

        with Client(url, transport, "third") as third:
            third.socket.emit("room", room)
            same(third.told("result"), "failed")


def protocol(url, transport):
    room = f"파이썬 {uuid.uuid4()}"
    with Client(url, transport, "지은") as jieun, Client(url, transport, "민호") as minho:
        same(jieun.ask("hello", {})["you"]["name"], "지은")
        same(jieun.ask("join", {"room": room})["events"], [])
        same(len(minho.ask("join", {"room": room})["people"]), 2)
        cid = uuid.uuid4().hex
        sent = jieun.ask("send", {"room": room, "cid": cid, "body": "안녕"})
        same((sent["cid"], sent["seq"]), (cid, 1))
        same(minho.told("event")["event"]["what"], {"posted": {"cid": cid, "body": "안녕"}})
        page = minho.ask("history", {"room": room, "after": 0})
        same([event["seq"] for event in page["events"]], [1])
        minho.ask("leave", {"room": room})
        refused = minho.ask("send", {"room": room, "cid": cid, "body": "?"})
        same(refused["error"]["code"], "not_in_room")


if __name__ == "__main__":
    tutorial(*sys.argv[1:])
    protocol(*sys.argv[1:])
