"""No framework: the three calls on plain sockets, to show what the endpoint itself allows."""

import asyncio
import json
import os
from typing import Any
from urllib.parse import urlsplit

from bench.replies import JOIN

HEAD = 200  # bytes in which a reply's head says whether it is streamed

REQUEST = "Plan a neighbourhood street party for about 80 people on a Saturday afternoon."


class Socket(asyncio.Protocol):
    """A kept connection with one call under way at most."""

    def connection_made(self, transport: Any) -> None:
        """Keep where to write."""
        self.transport = transport

    def ask(self, head: bytes, body: bytes) -> asyncio.Future[bytes]:
        """Send a request; the future is its reply's body."""
        self.parts: list[bytes] = []
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.transport.write(b"%s%d\r\n\r\n%s" % (head, len(body), body))
        return self.answer

    def data_received(self, data: bytes) -> None:
        """Hand over a body once it is whole: a stream ends with an empty chunk."""
        self.parts.append(data)
        if b"chunked" in self.parts[0][:HEAD]:
            if data.endswith(b"0\r\n\r\n"):
                self.answer.set_result(b"".join(self.parts))
            return
        head, mark, body = b"".join(self.parts).partition(b"\r\n\r\n")
        if mark and len(body) == int(head.rpartition(b"content-length: ")[2]):
            self.answer.set_result(body)


_idle: list[Socket] = []


async def post(content: str, **more: Any) -> bytes:
    """Ask one question; return the reply's bytes."""
    url = urlsplit(os.environ["OPENAI_BASE_URL"])
    if not _idle:
        loop = asyncio.get_running_loop()
        _idle.append((await loop.create_connection(Socket, url.hostname, url.port))[1])
    head = f"POST {url.path}/chat/completions HTTP/1.1\r\nhost: {url.netloc}\r\ncontent-length: ".encode()
    body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": content}], **more}).encode()
    socket = _idle.pop()
    answer = await socket.ask(head, body)
    _idle.append(socket)
    return answer


async def chat(content: str, **more: Any) -> str:
    """Ask one question."""
    return str(json.loads(await post(content, **more))["choices"][0]["message"]["content"])


async def chat_streamed(content: str) -> str:
    """Ask one question, and read the answer as it comes; what came is decoded at its end."""
    events = (await post(content, stream=True)).split(b"data: ")
    return "".join(
        json.loads(event[: event.rindex(b"}") + 1])["choices"][0]["delta"].get("content", "") for event in events[1:-2]
    )


async def run(workers: int, ask: Any = chat) -> int:  # noqa: ARG001 - the endpoint's plan says how many
    """Plan, work, join; return how many did their part."""
    plan = json.loads(await chat(REQUEST, response_format={"sections": {}}))
    texts = await asyncio.gather(*(ask(f"{section['name']}: {section['description']}") for section in plan["sections"]))
    await ask("\n\n".join([JOIN, *texts]))
    return len(texts)


async def listen(workers: int) -> int:
    """Do the same with every text streamed."""
    return await run(workers, chat_streamed)
