"""The model server: TensorFlow Serving's REST and gRPC API over Noria models.

Layers, top to bottom: ``server`` starts and drains; ``rest`` and ``grpc_api`` translate one protocol each and know no
model; ``predict``, ``classify`` and ``status`` know no protocol; ``manager``, ``servable`` and ``source`` hold the life
of model versions; ``config`` holds the flags.
"""
