"""A client of model servers, TensorFlow Serving's API over gRPC or REST, without TensorFlow.

    from noria.client import Client

    with Client("localhost:8500") as client:
        outputs = client.predict("iris", {"x": [[5.9, 2.8, 4.3, 1.3]]})

Needs NumPy, protobuf and, for gRPC, grpcio; each is imported when the first client is made.
"""

from noria.client.aio import AsyncClient
from noria.client.answers import Metadata, SignatureInfo, TensorInfo, VersionStatus
from noria.client.sync import Client

__all__ = ["AsyncClient", "Client", "Metadata", "SignatureInfo", "TensorInfo", "VersionStatus"]
