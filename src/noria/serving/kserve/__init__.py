"""The Open Inference Protocol (KServe V2) on the ports of TensorFlow Serving's API, over REST and gRPC.

``datatypes`` names element types, ``tensors`` reads and writes raw bytes and JSON data, ``infer`` turns a request into
a run whatever the protocol, ``describe`` answers what is known of the server and its models, ``statistics`` counts,
``rest`` and ``service`` are the two edges.

What the protocol leaves open is decided so: a model's version is its number in digits, or one of its labels, or empty
for the latest; the request parameter ``signature_name`` chooses the signature (``serving_default`` when absent), the
parameter ``timeout`` bounds a request in microseconds; other parameters are not looked at.
"""
