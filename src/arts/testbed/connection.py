"""As much of HTTP/1.1 as the mock endpoint needs, from the server's side.

Connections are kept, a request has a Content-Length and is not sent before the last one was answered, answers are not
streamed.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Connection:
    """With one client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self) -> tuple[str, bytes]:
        """Path and body of the next request."""
        first, *rest = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rest)}
        return first.split(" ")[1], await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def wait(self, seconds: float | None) -> None:
        """Wait, for ever with None; a client that leaves meanwhile is a ConnectionError."""
        try:
            async with asyncio.timeout(seconds):
                await self.reader.read(1)
        except TimeoutError:
            return
        raise ConnectionResetError("the client left")

    async def send(self, status: int, body: str, *, headers: str = "", cut: int | None = None) -> Literal[True]:
        """Send an answer, ``cut`` short of its announced length when given."""
        content = body.encode()
        start = f"HTTP/1.1 {status} mock\r\nContent-Type: application/json\r\n"
        self.writer.write(f"{start}Content-Length: {len(content)}\r\n{headers}\r\n".encode() + content[:cut])
        await self.writer.drain()
        return True
