"""How requests reach the engine: admitted, queued, gathered into batches, run by a few threads, taken apart again.

``scheduler`` has the threads and takes the lanes in turn; a lane is the queue of requests that may share a run.
``greedy`` is the lane of every server: while the engine is busy requests gather, when it is free it takes what is
there. ``tf_queue`` is TensorFlow Serving's, for ``--enable_batching``. ``profile`` and ``examine`` decide by measuring
which signatures batch, and how many rows at a time.
"""
