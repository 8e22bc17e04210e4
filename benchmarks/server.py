"""A model server that costs next to nothing: the other side of the harness's benchmark.

It speaks OpenAI's chat completions, answers after a given latency, and passes an output that says GOOD and fails one
that says BAD. Asked to, it misbehaves: which call fails how is drawn from a hash of the prompt and of how often it
was asked.

    python benchmarks/server.py PORT LATENCY_S [--faults]
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import sys
from collections import Counter
from typing import ClassVar

import uvloop

FAULTS = [("429", 5), ("500", 2), ("drop", 2), ("cut", 5), ("thinking", 6), ("fence", 6)]  # percent of calls

ANSWER = '{"critique": "The answer says %s.", "verdict": "%s"}'
THINKING = '<think>Is it {"verdict": "pass"} or {"verdict": "fail"}? Let me see: {unclosed</think>\n'
FENCE = "Here is my judgement of {this answer}:\n```json\n%s\n```\nI hope that {helps}."


class Server(asyncio.Protocol):
    latency_s = 0.05
    faults = False
    asked: ClassVar[Counter[bytes]] = Counter()
    answered: ClassVar[Counter[bytes]] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                if line.lower().startswith(b"content-length:"):
                    length = int(line[15:])
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.request(head.split(b" ", 2)[1], rest[:length])

    def request(self, path: bytes, body: bytes) -> None:
        if path.endswith(b"/models"):
            self.transport.write(http(200, b'{"object":"list","data":[{"id":"bench","object":"model"}]}'))
        elif path == b"/counts":
            counts = {"prompts": len(self.answered), "answers": sum(self.answered.values())}
            self.transport.write(http(200, json.dumps(counts).encode()))
        elif path.endswith(b"/chat/completions"):
            answer, ends = self.chat(body)  # made now, so that the latency is the latency and nothing else
            if self.latency_s:
                asyncio.get_running_loop().call_later(self.latency_s, self.send, answer, ends)
            else:
                self.send(answer, ends)
        else:
            self.transport.write(http(404, b'{"error":{"message":"no such path"}}'))

    def send(self, answer: bytes, ends: bool) -> None:
        self.transport.write(answer)
        if ends:
            self.transport.close()

    def chat(self, body: bytes) -> tuple[bytes, bool]:
        """The answer's bytes, and whether the connection ends there."""
        key = hashlib.blake2b(body, digest_size=8).digest()
        fault = self.fault(key)
        Server.asked[key] += 1
        verdict = "fail" if b"BAD" in body else "pass"
        text = ANSWER % ("so", verdict)
        if fault == "429":
            return http(429, b'{"error":{"message":"slow down"}}', b"Retry-After: 0.05\r\n"), False
        if fault == "500":
            return http(500, b'{"error":{"message":"internal"}}'), False
        if fault == "drop":
            return b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", True
        if fault == "cut":
            text = text[: len(text) * 2 // 3]
        elif fault == "thinking":
            text = THINKING + text
        elif fault == "fence":
            text = FENCE % text
        Server.answered[key] += 1
        return http(200, completion(text, len(body) // 4)), False

    def fault(self, key: bytes) -> str | None:
        if not self.faults:
            return None
        draw = hashlib.blake2b(key + bytes([self.asked[key] % 256])).digest()
        place = int.from_bytes(draw[:4]) / 2**32 * 100
        for name, share in FAULTS:
            place -= share
            if place < 0:
                return name
        return None


def http(status: int, body: bytes, extra: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
    return head % (status, extra, len(body)) + body


def completion(text: str, prompt_tokens: int) -> bytes:
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "bench",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": 20, "total_tokens": prompt_tokens + 20},
        }
    ).encode()


async def main(port: int, latency_s: float, faults: bool) -> None:
    Server.latency_s, Server.faults = latency_s, faults
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    stop = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, stop.set_result, None)
    await stop


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]), "--faults" in sys.argv))
