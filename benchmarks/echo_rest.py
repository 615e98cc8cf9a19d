"""An empty HTTP server, the floor of any answer in Python: ``python benchmarks/echo_rest.py PORT ANSWER asgi|own``.

It reads each request's body and answers with the bytes of the file ANSWER: as an ASGI application on uvicorn, or as an
application on Noria's own connections. Both parse with httptools and run on uvloop.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from noria.serving.http1.messages import JSON, Answer, Request
from noria.serving.http1.server import HttpServer


def asgi(port: int, answer: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        while message.get("more_body", False):
            message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    uvicorn.run(app, host="127.0.0.1", port=port, http="httptools", loop="uvloop", ws="none",
                lifespan="off", log_level="warning", access_log=False, server_header=False)  # fmt: skip


async def own(port: int, answer: bytes) -> None:
    async def app(request: Request) -> Answer:
        return 200, (JSON,), answer

    await HttpServer(app, socket.create_server(("127.0.0.1", port), backlog=1024)).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    place, content = int(sys.argv[1]), Path(sys.argv[2]).read_bytes()
    asgi(place, content) if sys.argv[3] == "asgi" else uvloop.run(own(place, content))
