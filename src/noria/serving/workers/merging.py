"""What several workers say of their models, as what one server would say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from noria.errors import Code, NotFoundError
from noria.protos import serving as pb
from noria.serving.lifecycle.servable import State

Row = dict[str, Any]  # as ``status.list_models`` has them


def models(workers: Mapping[int, Sequence[Row]]) -> list[Row]:
    """The models of all workers, in the order in which they are first seen. Empty for no worker."""
    names = dict.fromkeys(row["name"] for rows in workers.values() for row in rows)
    return [_model(name, {w: _find(rows, "name", name) for w, rows in workers.items()}) for name in names]


def _model(name: str, rows: Mapping[int, Row | None]) -> Row:
    known = [row for row in rows.values() if row is not None]
    versions = dict.fromkeys(
        version["version"] for row in known for version in sorted(row["versions"], key=lambda v: -v["version"])
    )
    waiting = {label: version for row in known for label, version in row.get("labels_waiting", {}).items()}
    reason = _reasons({w: row.get("reason", "") if row else "it does not know the model" for w, row in rows.items()})
    return {
        "name": name,
        "available": all(row is not None and row["available"] for row in rows.values()),
        **({"reason": reason} if reason else {}),
        "labels": known[0]["labels"],
        **({"labels_waiting": waiting} if waiting else {}),
        "memory_bytes": sum(row["memory_bytes"] for row in known),
        "requests": sum(row["requests"] for row in known),
        "versions": [
            _version(
                version, {w: _find(row["versions"], "version", version) if row else None for w, row in rows.items()}
            )
            for version in sorted(versions, reverse=True)
        ],
    }


def _version(version: int, rows: Mapping[int, Row | None]) -> Row:
    known = {worker: row for worker, row in rows.items() if row is not None}
    state = _state([State[row["state"]] if row else None for row in rows.values()], list(known.values()))
    ready = sum(row["state"] == State.AVAILABLE.name for row in known.values())
    failed = next((row["error_code"] for row in known.values() if "error_code" in row), None)
    reason = _reasons({worker: row.get("reason", "") for worker, row in known.items()}, len(rows))
    if not reason and state is not State.AVAILABLE and ready:
        reason = f"available in {ready} of {len(rows)} workers"
    return {
        "version": version,
        "state": state.name,
        **({"error_code": failed} if failed and state is State.END else {}),
        **({"reason": reason} if reason else {}),
        **{key: sum(row[key] for row in known.values()) for key in ("memory_bytes", "requests", "in_flight")},
    }


def _state(states: Sequence[State | None], rows: Sequence[Row]) -> State:
    """The state of a version; None where a worker does not know it (not yet, or not any more)."""
    found = set(states)
    if len(found) == 1 and None not in found:
        return next(state for state in found if state is not None)
    if State.END in found and (any("error_code" in row for row in rows) or found <= {State.END, None}):
        return State.END
    if State.UNLOADING in found or State.END in found:
        return State.UNLOADING
    return State.LOADING if found & {State.LOADING, State.AVAILABLE} else State.START


def _find(rows: Sequence[Row], key: str, value: object) -> Row | None:
    return next((row for row in rows if row[key] == value), None)


def _reasons(by_worker: Mapping[int, str], workers: int | None = None) -> str:
    """One text where all say the same; else each with the worker that says it."""
    texts = {text for text in by_worker.values() if text}
    if len(texts) == 1 and all(by_worker.values()) and len(by_worker) == (workers or len(by_worker)):
        return texts.pop()
    return "; ".join(f"worker {worker}: {text}" for worker, text in by_worker.items() if text)


def ready(found: Sequence[Row], name: str, version: int | None) -> bool | None:
    """Whether all workers serve a model, or one version of it; None where none of them knows the model."""
    row = _find(found, "name", name)
    if row is None or not row["versions"]:
        return None
    if version is None:
        return bool(row["available"])
    one = _find(row["versions"], "version", version)
    return one is not None and one["state"] == State.AVAILABLE.name


def status(found: Sequence[Row], name: str, version: int | None) -> pb.GetModelStatusResponse:
    """The answer of GetModelStatus out of ``models``. Raises NotFoundError in TensorFlow Serving's words."""
    model = _find(found, "name", name) or {"versions": []}
    rows = [row for row in model["versions"] if version in (None, row["version"])]
    if not rows and version is not None:
        raise NotFoundError(f"Could not find version {version} of model {name}")
    if not rows:
        trouble = model.get("reason", "")
        raise NotFoundError(f"Could not find any versions of model {name}" + (trouble and f": {trouble}"))
    response = pb.GetModelStatusResponse()
    for row in rows:
        code = Code[row["error_code"]] if "error_code" in row else Code.OK
        text = row.get("reason", "") if code is not Code.OK or row["state"] != State.AVAILABLE.name else ""
        response.model_version_status.append(
            pb.ModelVersionStatus(
                version=row["version"],
                state=int(State[row["state"]]),
                status=pb.StatusProto(error_code=int(code), error_message=text),
            )
        )
    return response
