"""Every metric of the server, one row each; the exposition and docs/metrics.md derive from it.

Rows whose name begins with ``:tensorflow`` have the names, labels, kinds and bucket bounds of TensorFlow Serving, whose
internal names have ``/`` for each ``:``; their latencies are in microseconds. The others are Noria's own, in the units
that Prometheus recommends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]
Merge = Literal["sum", "max", "min"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of series.

    bounds: of a histogram's buckets, upper ends, increasing, without +Inf. merge: what several processes' values of
    one series become.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    bounds: tuple[float, ...] = ()
    merge: Merge = "sum"


def _exponential(first: float, growth: float, count: int) -> tuple[float, ...]:
    return tuple(first * growth**k for k in range(count))


LATENCY_US: Final = _exponential(10, 1.8, 33)  # 10 µs to about 25 minutes
LATENCY: Final = tuple(bound / 1e6 for bound in LATENCY_US)
_QUEUE_US: Final = _exponential(100, 1.2, 52)
_SIZES: Final = _exponential(1, 2, 14)
_EXAMPLES: Final = _exponential(1, 2, 15)

_SERVING: Final = ":tensorflow:serving:"
_BATCHING: Final = _SERVING + "batching_session:"
_SAVED_MODEL: Final = ":tensorflow:cc:saved_model:"

REQUEST_COUNT: Final = _SERVING + "request_count"
REQUEST_LATENCY: Final = _SERVING + "request_latency"
RUNTIME_LATENCY: Final = _SERVING + "runtime_latency"
EXAMPLE_COUNTS: Final = _SERVING + "request_example_counts"
EXAMPLE_TOTAL: Final = _SERVING + "request_example_count_total"
WARMUP_LATENCY: Final = _SERVING + "model_warmup_latency"
WARMUP_RECORDS: Final = _SERVING + "model_warmup_records_read"
REQUEST_LOG_COUNT: Final = _SERVING + "request_log_count"
MLMD_MAP: Final = _SERVING + "mlmd_map"
QUEUING_LATENCY: Final = _BATCHING + "queuing_latency"
INPUT_BATCH_SIZE: Final = _BATCHING + "input_batch_size"
PROCESSED_BATCH_SIZE: Final = _BATCHING + "processed_batch_size"
PADDING_SIZE: Final = _BATCHING + "padding_size"
WRAPPED_RUN_COUNT: Final = _BATCHING + "wrapped_run_count"
LOAD_ATTEMPTS: Final = _SAVED_MODEL + "load_attempt_count"
LOAD_LATENCY: Final = _SAVED_MODEL + "load_latency"

REQUESTS: Final = "noria_requests_total"
RECEIVED_BYTES: Final = "noria_request_bytes_total"
SENT_BYTES: Final = "noria_response_bytes_total"
IN_FLIGHT: Final = "noria_requests_in_flight"
RUN_SECONDS: Final = "noria_run_duration_seconds"
RUN_ROWS: Final = "noria_run_rows_total"
BATCH_ROWS: Final = "noria_batch_rows"
BATCH_REQUESTS: Final = "noria_batch_requests"
QUEUE_SECONDS: Final = "noria_queue_duration_seconds"
QUEUE_DEPTH: Final = "noria_queue_depth"
REFUSED: Final = "noria_rest_refused_total"
CONNECTIONS: Final = "noria_rest_connections"
MODEL_STATE: Final = "noria_model_state"
MODEL_MEMORY: Final = "noria_model_memory_bytes"
MODEL_LOAD_SECONDS: Final = "noria_model_load_seconds"
MODEL_LABEL: Final = "noria_model_label_version"
LOG_QUEUE: Final = "noria_request_log_queue"
LOG_BYTES: Final = "noria_request_log_bytes_total"
BUILD_INFO: Final = "noria_build_info"

METRICS: Final = (
    # TensorFlow Serving's
    Metric(REQUEST_COUNT, "counter", ("model_name", "status"), "Requests by outcome: REST, and gRPC inference."),
    Metric(
        REQUEST_LATENCY, "histogram", ("model_name", "API", "entrypoint"),
        "Microseconds from the arrival of a request to its answer; successful requests only.", LATENCY_US,
    ),
    Metric(
        RUNTIME_LATENCY, "histogram", ("model_name", "API", "runtime"),
        "Microseconds that running the model took, its time in a queue included.", LATENCY_US,
    ),
    Metric(EXAMPLE_COUNTS, "histogram", ("model",), "Examples in a Classify, Regress or MultiInference.", _EXAMPLES),
    Metric(EXAMPLE_TOTAL, "counter", ("model",), "Examples in all Classify, Regress and MultiInference requests."),
    Metric(WARMUP_LATENCY, "histogram", ("model_path", "status"), "Microseconds that warming up took.", LATENCY_US),
    Metric(WARMUP_RECORDS, "counter", ("model_path", "status"), "Warm-up records replayed."),
    Metric(REQUEST_LOG_COUNT, "counter", ("model_name", "status_code"), "Sampled requests, by what their log said."),
    Metric(MLMD_MAP, "gauge", ("model_name", "version"), "1 for a version that names its ML Metadata.", merge="max"),
    Metric(
        QUEUING_LATENCY, "histogram", ("thread_pool_name",),
        "Microseconds that requests waited to become part of a batch.", _QUEUE_US,
    ),
    Metric(INPUT_BATCH_SIZE, "histogram", (), "Rows of the requests that were batched.", _SIZES),
    Metric(PROCESSED_BATCH_SIZE, "histogram", (), "Rows of the batches that ran, padding included.", _SIZES),
    Metric(PADDING_SIZE, "histogram", ("execution_batch_size",), "Rows of padding, of batches that have any.", _SIZES),
    Metric(WRAPPED_RUN_COUNT, "counter", (), "Batches that ran."),
    Metric(LOAD_ATTEMPTS, "counter", ("model_path", "status"), "Loads of versions, by success or fail."),
    Metric(LOAD_LATENCY, "counter", ("model_path",), "Microseconds that successful loads took, in sum."),
    # Noria's own
    Metric(
        REQUESTS, "counter", ("model_name", "api", "entrypoint", "status"),
        "Requests of every kind by outcome; names of models that are not served count as one after the first few.",
    ),
    Metric(RECEIVED_BYTES, "counter", ("model_name", "entrypoint"), "Bytes of request bodies."),
    Metric(SENT_BYTES, "counter", ("model_name", "entrypoint"), "Bytes of answer bodies."),
    Metric(IN_FLIGHT, "gauge", ("model_name", "version"), "Requests that a version works on now, or that wait for it."),
    Metric(
        RUN_SECONDS, "histogram", ("model_name", "version", "signature_name"),
        "Seconds that runs of a signature took, their time in a queue included.", LATENCY,
    ),
    Metric(RUN_ROWS, "counter", ("model_name", "version", "signature_name"), "Rows (first dimension) that ran."),
    Metric(BATCH_ROWS, "histogram", ("model_name", "signature_name"), "Rows of the batches that ran.", _SIZES),
    Metric(BATCH_REQUESTS, "histogram", ("model_name", "signature_name"), "Requests in one batch.", _SIZES),
    Metric(
        QUEUE_SECONDS, "histogram", ("model_name", "signature_name"),
        "Seconds that requests waited before they ran.", LATENCY,
    ),
    Metric(QUEUE_DEPTH, "gauge", ("model_name", "signature_name"), "Requests that wait to run at the moment."),
    Metric(
        REFUSED, "counter", ("status",),
        "Connections to the REST port refused, by HTTP status: too large, too slow, too many, no HTTP.",
    ),
    Metric(CONNECTIONS, "gauge", (), "Connections to the REST port at the moment."),
    Metric(
        MODEL_STATE, "gauge", ("model_name", "version", "state"),
        "1 for the state that a version is in: START, LOADING, AVAILABLE, UNLOADING or END.", merge="max",
    ),
    Metric(
        MODEL_MEMORY, "gauge", ("model_name", "version"),
        "Bytes of memory that a loaded version takes, mapped weights included.", merge="max",
    ),
    Metric(MODEL_LOAD_SECONDS, "gauge", ("model_name", "version"), "Seconds that a version's load took.", merge="max"),
    Metric(MODEL_LABEL, "gauge", ("model_name", "label"), "The version that a label points to.", merge="max"),
    Metric(LOG_QUEUE, "gauge", (), "Request log records that wait to be written."),
    Metric(LOG_BYTES, "counter", ("model_name",), "Bytes written to request logs."),
    Metric(BUILD_INFO, "gauge", ("version", "python"), "1, with what this server is.", merge="max"),
    # The process, under the names that Prometheus clients agreed on
    Metric("process_resident_memory_bytes", "gauge", (), "Resident memory in bytes."),
    Metric("process_virtual_memory_bytes", "gauge", (), "Virtual memory in bytes."),
    Metric("process_cpu_seconds_total", "counter", (), "CPU time spent, user and system, in seconds."),
    Metric("process_start_time_seconds", "gauge", (), "Start of the process, in seconds since 1970.", merge="min"),
    Metric("process_open_fds", "gauge", (), "Open file descriptors."),
    Metric("process_max_fds", "gauge", (), "File descriptors that may be open.", merge="min"),
)  # fmt: skip

BY_NAME: Final = {metric.name: metric for metric in METRICS}
