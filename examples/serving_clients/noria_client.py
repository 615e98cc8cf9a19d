"""Noria's own client, which needs no TensorFlow: ``noria_client.py [gRPC host:port] [REST host:port]``."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import numpy as np

from noria.client import AsyncClient, Client
from noria.errors import NotFoundError

FLOWERS = np.array([[5.9, 2.8, 4.3, 1.3], [5.0, 3.4, 1.5, 0.3]], np.float32)


def rounded(values: Any) -> list[list[float]]:
    """To four digits, for printing."""
    return [[round(float(value), 4) for value in row] for row in values]


async def each_by_itself(address: str) -> list[list[float]]:
    """All flowers at the same time, each as a request of its own."""
    async with AsyncClient(address) as client:
        answers = await asyncio.gather(*(client.predict("iris", {"x": [flower]}) for flower in FLOWERS))
    return [row for answer in answers for row in rounded(answer["probabilities"])]


def main(grpc_address: str = "localhost:8500", rest_address: str = "localhost:8501") -> None:
    """Asks over both protocols and prints what comes back."""
    with Client(grpc_address) as client:
        print("versions:", [status.version for status in client.status("iris")])
        print("grpc:", rounded(client.predict("iris", {"x": FLOWERS}, version=1, timeout=10)["probabilities"]))
        try:
            client.predict("absent", {"x": FLOWERS})
        except NotFoundError as error:
            print("error:", error)
    with Client(f"http://{rest_address}") as client:
        print("http:", rounded(client.predict("iris", {"x": FLOWERS})["probabilities"]))
    print("async:", asyncio.run(each_by_itself(grpc_address)))


if __name__ == "__main__":
    main(*sys.argv[1:])
