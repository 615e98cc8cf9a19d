"""``noria show``: from a ModelReport to the lines of saved_model_cli, tables in a terminal, or JSON.

The plain form keeps saved_model_cli's lines, so that what reads them goes on working, and adds its own below.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from noria import shapes
from noria.cli.render import Block, Code, Heading, Lines, Table, size_text, write
from noria.cli.report import MetaGraphRow, ModelReport, SignatureRow, TensorRow, model_name, read_report
from noria.cli.snippets import Snippets, snippets

_MOST_VARIABLES = 20  # in the overview; --all lists every one
_MOST_TENSORS = 4  # of one signature in a table of signatures


@dataclass(frozen=True)
class ShowOptions:
    """The options of ``show``."""

    path: str
    everything: bool = False
    tag_set: str | None = None
    signature_def: str | None = None
    list_ops: bool = False
    as_json: bool = False


def show_model(options: ShowOptions) -> None:
    """Prints what ``options`` asks for. Raises the errors of reading the model, NotFoundError for what it lacks."""
    report = read_report(options.path, tag_set=None if options.everything else options.tag_set)
    if options.as_json:
        json.dump(as_json(report, options), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        write(blocks(report, options))


def blocks(report: ModelReport, options: ShowOptions) -> Iterator[Block]:
    """The page that ``options`` asks for."""
    if options.everything:
        for graph in report.meta_graphs:
            yield from _everything(graph, report)
    elif options.signature_def is not None:
        for graph in _graphs_with(report, options.signature_def):
            if options.list_ops:
                yield from _ops(graph)
            yield from _signature_page(graph.signature(options.signature_def), graph, report)
    elif options.tag_set is not None:
        for graph in report.meta_graphs:
            if options.list_ops:
                yield from _ops(graph)
            yield from _signature_keys(graph)
    else:
        yield from _overview(report)


def _graphs_with(report: ModelReport, key: str) -> list[MetaGraphRow]:
    """The MetaGraphs that have the signature; the first one, to raise its error, when none has."""
    found = [graph for graph in report.meta_graphs if any(row.key == key for row in graph.signatures)]
    return found or list(report.meta_graphs[:1])


# --- pages ------------------------------------------------------------------------------------------------------------


def _overview(report: ModelReport) -> Iterator[Block]:
    if report.is_saved_model:
        yield Lines(
            [
                "The given SavedModel contains the following tag-sets:",
                *(repr(", ".join(sorted(graph.tags))) for graph in report.meta_graphs),
            ]
        )
    for graph in report.meta_graphs:
        yield Heading(_graph_title(graph, report))
        yield _signature_table(graph)
        yield from _why_not(graph.signatures, graph)
        yield from _variables(graph, _MOST_VARIABLES)
        yield Lines(["", "Ops: " + ", ".join(f"{op} {count}" for op, count in graph.ops.items())])


def _everything(graph: MetaGraphRow, report: ModelReport) -> Iterator[Block]:
    tags = ", ".join(graph.tags)
    yield Lines(["", f"MetaGraphDef with tag-set: '{tags}' contains the following SignatureDefs:"])
    for row in graph.signatures:
        yield Lines(["", f"signature_def[{row.key!r}]:"])
        yield from _tensors(row, indent=1)
        yield from _run_lines(row)
    yield from _ops(graph)
    yield from _functions(graph)
    yield Heading(_graph_title(graph, report))
    yield _signature_table(graph)
    yield from _why_not(graph.signatures, graph)
    yield from _variables(graph, len(graph.variables))


def _signature_keys(graph: MetaGraphRow) -> Iterator[Block]:
    yield Lines(
        [
            "The given SavedModel MetaGraphDef contains SignatureDefs with the following keys:",
            *(f'SignatureDef key: "{row.key}"' for row in graph.signatures),
        ]
    )
    yield _signature_table(graph)
    yield from _why_not(graph.signatures, graph)


def _signature_page(row: SignatureRow, graph: MetaGraphRow, report: ModelReport) -> Iterator[Block]:
    yield from _tensors(row, indent=0)
    yield from _run_lines(row)
    if row.ops:
        yield Table("Ops of this signature", ["op", "count"], [[op, str(n)] for op, n in _counts(row)], ["count"])
    if row.problem is None or not report.is_saved_model:
        return  # no server offers internal signatures, or graphs without variables and signatures of their own
    made = snippets(row, graph.proto, model_name(report.path))
    if made.note:
        yield Lines(["", made.note])
    else:
        if made.body is not None:
            yield Code("REST body", json.dumps(made.body))
        yield Code("REST request", made.curl)
    yield Code("gRPC client (tensorflow-serving-api)", made.grpc)


# --- parts ------------------------------------------------------------------------------------------------------------


def _graph_title(graph: MetaGraphRow, report: ModelReport) -> str:
    name = f"MetaGraph '{', '.join(graph.tags)}'" if graph.tags else f"Graph {report.path}"
    return name + (f", written by TensorFlow {graph.tensorflow_version}" if graph.tensorflow_version else "")


def _signature_table(graph: MetaGraphRow) -> Table:
    rows = [[row.key, row.method_name, _brief(row.inputs), _brief(row.outputs), _runs(row)] for row in graph.signatures]
    return Table("Signatures", ["signature", "method", "inputs", "outputs", "runs here"], rows)


def _brief(tensors: Sequence[TensorRow]) -> str:
    listed = [f"{t.key}: {t.dtype.removeprefix('DT_').lower()} {shapes.text(t.shape)}" for t in tensors[:_MOST_TENSORS]]
    return ", ".join(listed + [f"and {len(tensors) - _MOST_TENSORS} more"] * (len(tensors) > _MOST_TENSORS))


def _runs(row: SignatureRow) -> str:
    return "internal" if row.problem is None else "no" if row.problem else "yes"


def _why_not(rows: Iterable[SignatureRow], graph: MetaGraphRow) -> Iterator[Block]:
    """Each reason once, with the signatures it stops."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.problem:
            reasons.setdefault(row.problem, []).append(row.key)
    if graph.problem:
        yield Lines(["", f"The model does not load here: {graph.problem}"])
    else:
        for reason, keys in reasons.items():
            yield Lines(["", f"{', '.join(keys)} does not run here: {reason}"])


def _run_lines(row: SignatureRow) -> Iterator[Block]:
    if row.problem is not None:
        yield Lines([f"Runs here: no: {row.problem}" if row.problem else "Runs here: yes"])


def _tensors(row: SignatureRow, *, indent: int) -> Iterator[Block]:
    lines = ["The given SavedModel SignatureDef contains the following input(s):"]
    lines += [line for tensor in row.inputs for line in _tensor_lines("inputs", tensor)]
    lines += ["The given SavedModel SignatureDef contains the following output(s):"]
    lines += [line for tensor in row.outputs for line in _tensor_lines("outputs", tensor)]
    lines += [f"Method name is: {row.method_name}"]
    margin = "  " * indent
    yield Lines([margin + line for line in lines], terminal=False)
    yield Table(
        f"{row.key}: {row.method_name}",
        ["", "key", "dtype", "shape", "tensor"],
        [[kind, t.key, t.dtype, shapes.text(t.shape), t.tensor] for kind, t in _ends(row)],
        plain=False,
    )


def _ends(row: SignatureRow) -> list[tuple[str, TensorRow]]:
    return [("input", tensor) for tensor in row.inputs] + [("output", tensor) for tensor in row.outputs]


def _tensor_lines(side: str, tensor: TensorRow) -> list[str]:
    if tensor.shape is None:
        shape = "unknown_rank"
    else:
        shape = "(" + ", ".join("-1" if dim is None else str(dim) for dim in tensor.shape) + ")"
    margin = " " * 6
    return [
        f"  {side}['{tensor.key}'] tensor_info:",
        f"{margin}dtype: {tensor.dtype}",
        f"{margin}shape: {shape}",
        f"{margin}name: {tensor.tensor}",
    ]


def _ops(graph: MetaGraphRow) -> Iterator[Block]:
    listed = "{" + ", ".join(repr(op) for op in graph.ops) + "}"
    yield Lines([f"The MetaGraph with tag set {list(graph.tags)} contains the following ops: {listed}"], terminal=False)
    rows = [[op, str(count)] for op, count in graph.ops.items()]
    yield Table(f"Ops of '{', '.join(graph.tags)}'", ["op", "count"], rows, ["count"])


def _counts(row: SignatureRow) -> list[tuple[str, int]]:
    return sorted(row.ops.items(), key=lambda item: (-item[1], item[0]))


def _functions(graph: MetaGraphRow) -> Iterator[Block]:
    if not graph.functions:
        return
    lines = ["", "Concrete Functions:"]
    for function in graph.functions:
        lines.append(f"  Function Name: {function.name!r}")
        for number, arguments in enumerate(function.options, 1):
            lines += [f"    Option #{number}", "      Callable with:", *(f"        {line}" for line in arguments)]
    yield Lines(lines)


def _variables(graph: MetaGraphRow, most: int) -> Iterator[Block]:
    if not graph.variables:
        yield Lines(["", "No variables"])
        return
    count = len(graph.variables)
    copies = sum((len(row.keys) - 1) * row.nbytes for row in graph.variables)
    total = f"{count} variable{'s' * (count > 1)}, {graph.parameters:,} parameters, {size_text(graph.nbytes)}"
    total += f"; the checkpoint holds copies of {size_text(copies)} more" if copies else ""
    rows = graph.variables
    if count > most:
        rows = tuple(sorted(rows, key=lambda row: (-row.nbytes, row.name))[:most])
        total += f"; the {most} largest:"
    yield Lines(["", total])
    yield Table(
        "",
        ["variable", "dtype", "shape", "size"],
        [[row.name, row.dtype, shapes.text(row.shape), size_text(row.nbytes)] for row in rows],
        ["size"],
    )


# --- JSON -------------------------------------------------------------------------------------------------------------


def as_json(report: ModelReport, options: ShowOptions) -> dict[str, Any]:
    """The report as plain values; the options choose the MetaGraphs and signatures, and whether requests are made."""
    chosen = None if options.everything else options.signature_def
    graphs = report.meta_graphs if chosen is None else _graphs_with(report, chosen)
    return {
        "path": report.path,
        "saved_model": report.is_saved_model,
        "meta_graphs": [_graph_json(graph, report, chosen) for graph in graphs],
    }


def _graph_json(graph: MetaGraphRow, report: ModelReport, chosen: str | None) -> dict[str, Any]:
    rows = graph.signatures if chosen is None else (graph.signature(chosen),)
    name = model_name(report.path)
    return {
        "tags": list(graph.tags),
        "tensorflow_version": graph.tensorflow_version,
        "problem": graph.problem,
        "signatures": {
            row.key: _signature_json(row, snippets(row, graph.proto, name) if report.is_saved_model else None)
            for row in rows
        },
        "ops": dict(graph.ops),
        "parameters": graph.parameters,
        "variable_bytes": graph.nbytes,
        "variables": [
            {"name": v.name, "keys": list(v.keys), "dtype": v.dtype, "shape": _dims(v.shape), "bytes": v.nbytes}
            for v in graph.variables
        ],
        "functions": [{"name": f.name, "options": [list(option) for option in f.options]} for f in graph.functions],
    }


def _signature_json(row: SignatureRow, made: Snippets | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "method_name": row.method_name,
        "inputs": {t.key: _tensor_json(t) for t in row.inputs},
        "outputs": {t.key: _tensor_json(t) for t in row.outputs},
    }
    if row.problem is None:
        return {**found, "runs": None}
    found |= {"runs": not row.problem, "problem": row.problem, "ops": dict(_counts(row))}
    if made is not None:
        found["requests"] = {"rest_body": made.body, "curl": made.curl, "grpc": made.grpc}
    return found


def _tensor_json(tensor: TensorRow) -> dict[str, Any]:
    return {"dtype": tensor.dtype, "shape": _dims(tensor.shape), "tensor": tensor.tensor}


def _dims(shape: shapes.Shape) -> list[int | None] | None:
    return None if shape is None else list(shape)
