"""An empty ASGI server, the floor of any HTTP answer in Python here: ``python benchmarks/echo_rest.py PORT ANSWER``.

It reads each request's body and answers with the bytes of the file ANSWER, on the libraries that Noria serves with.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import uvicorn

ANSWER = Path(sys.argv[2]).read_bytes() if __name__ == "__main__" else b""
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    message = await receive()
    while message.get("more_body", False):
        message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), http="httptools", loop="uvloop", ws="none",
                lifespan="off", log_level="warning", access_log=False, server_header=False)  # fmt: skip
