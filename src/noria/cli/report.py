"""What ``show`` knows of a model: rows read from its files, and what only loading it tells."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from noria import dtypes, shapes
from noria.cli.functions import FunctionRow, defined_functions
from noria.cli.variables import VariableRow, checkpoint_variables, model_variables
from noria.errors import NotFoundError, TFError
from noria.formats import files, saved_model
from noria.formats.saved_model import SavedModelDir, is_saved_model, read_saved_model
from noria.model import Model, load
from noria.protos.tensorflow import (
    AttrValue,
    DataType,
    GraphDef,
    MetaGraphDef,
    NodeDef,
    SignatureDef,
    TensorInfo,
    TensorShapeProto,
)


@dataclass(frozen=True)
class TensorRow:
    """An input or output: its key, dtype (``DT_FLOAT``), shape and the name of the tensor or of its components."""

    key: str
    dtype: str
    shape: shapes.Shape
    tensor: str


@dataclass(frozen=True)
class SignatureRow:
    """A signature. problem: why it does not run here, "" when it does, None when nobody asked (internal signatures)."""

    key: str
    method_name: str
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]
    problem: str | None = None
    ops: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class MetaGraphRow:
    """One MetaGraphDef. problem: why it could not be loaded, "" when it could."""

    tags: tuple[str, ...]
    tensorflow_version: str
    signatures: tuple[SignatureRow, ...]
    ops: Mapping[str, int]
    variables: tuple[VariableRow, ...]
    functions: tuple[FunctionRow, ...]
    problem: str
    proto: MetaGraphDef = field(repr=False)

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.variables)

    @property
    def nbytes(self) -> int:
        return sum(row.nbytes for row in self.variables)

    def signature(self, key: str) -> SignatureRow:
        """The signature called ``key``; NotFoundError that lists the keys."""
        for row in self.signatures:
            if row.key == key:
                return row
        known = ", ".join(row.key for row in self.signatures) or "none"
        raise NotFoundError(f"could not find signature {key!r}; please choose from: {known}")


@dataclass(frozen=True)
class ModelReport:
    """A model: where it is, whether it is a SavedModel, and its MetaGraphs sorted by their tags."""

    path: str
    is_saved_model: bool
    meta_graphs: tuple[MetaGraphRow, ...]


def read_report(path: str, *, tag_set: str | None = None) -> ModelReport:
    """What can be said of the model at ``path``: a SavedModel folder, a frozen graph or a ``.meta`` file.

    tag_set: only the MetaGraph with exactly these tags, comma-separated. Raises the errors of reading the files; what
    goes wrong in loading the graph is reported and does not raise.
    """
    if not is_saved_model_path(path):
        model = load(path, tags=tag_set)
        return ModelReport(path, False, (_meta_graph_row(model.meta_graph, model, "", model_variables(model)),))
    folder = read_saved_model(path)
    try:
        variables = () if folder.variables_prefix is None else checkpoint_variables(folder.variables_prefix)
    except TFError:
        variables = ()  # loading meets the same damage and reports it
    metas = list(folder.proto.meta_graphs) if tag_set is None else [folder.meta_graph(tag_set)]
    metas.sort(key=lambda meta: sorted(meta.meta_info_def.tags))
    rows = [_saved_row(folder, meta, variables) for meta in metas]
    return ModelReport(folder.path, True, tuple(rows))


def is_saved_model_path(path: str) -> bool:
    """Whether ``path`` is a SavedModel's folder or its ``saved_model.pb``; else it is a graph or not there at all."""
    return is_saved_model(path) or files.split(path)[1] in ("saved_model.pb", "saved_model.pbtxt")


def _saved_row(folder: SavedModelDir, meta: MetaGraphDef, variables: tuple[VariableRow, ...]) -> MetaGraphRow:
    try:
        model = load(folder.path, tags=tuple(meta.meta_info_def.tags))
    except TFError as error:
        return _meta_graph_row(meta, None, str(error), variables)
    return _meta_graph_row(meta, model, "", variables)


def _meta_graph_row(
    meta: MetaGraphDef, model: Model | None, problem: str, variables: tuple[VariableRow, ...]
) -> MetaGraphRow:
    # A frozen graph has no SignatureDef of its own: there the loaded model knows more than the file.
    rows = {key: _signature_row(key, meta.signature_def[key]) for key in meta.signature_def}
    if model is not None:
        for key, signature in model.signatures.items():
            row = rows.get(key) or SignatureRow(
                key,
                signature.method_name,
                tuple(TensorRow(k, s.dtype.proto_name, s.shape, s.tensor) for k, s in signature.inputs.items()),
                tuple(TensorRow(k, s.dtype.proto_name, s.shape, s.tensor) for k, s in signature.outputs.items()),
            )
            rows[key] = replace(row, problem=signature.problem(), ops=dict(signature.ops))
    elif problem:
        for key in saved_model.signatures(meta):
            rows[key] = replace(rows[key], problem=problem)
    return MetaGraphRow(
        tags=tuple(meta.meta_info_def.tags),
        tensorflow_version=meta.meta_info_def.tensorflow_version,
        signatures=tuple(rows[key] for key in sorted(rows)),
        ops=count_ops(meta.graph_def),
        variables=variables,
        functions=tuple(defined_functions(meta.object_graph_def)),
        problem=problem,
        proto=meta,
    )


def _signature_row(key: str, signature: SignatureDef) -> SignatureRow:
    return SignatureRow(key, signature.method_name, _tensors(signature.inputs), _tensors(signature.outputs))


def _tensors(infos: Mapping[str, TensorInfo]) -> tuple[TensorRow, ...]:
    return tuple(
        TensorRow(key, _dtype_name(infos[key].dtype), shape_of(infos[key].tensor_shape), _tensor_name(infos[key]))
        for key in sorted(infos)
    )


def _dtype_name(number: int) -> str:
    try:
        return dtypes.from_number(number).proto_name + ("_REF" if dtypes.is_ref_number(number) else "")
    except TFError:
        return str(DataType.Name(number)) if number in DataType.values() else f"DataType {number}"


def shape_of(proto: TensorShapeProto) -> shapes.Shape:
    """A TensorShapeProto as a shape; dimensions of -1 are unknown."""
    return None if proto.unknown_rank else tuple(None if dim.size < 0 else dim.size for dim in proto.dim)


def _tensor_name(info: TensorInfo) -> str:
    match info.WhichOneof("encoding"):
        case "coo_sparse":
            sparse = info.coo_sparse
            names = [sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name]
            return "sparse: values {}, indices {}, shape {}".format(*names)
        case "composite_tensor":
            parts = [component.name for component in info.composite_tensor.components]
            return f"composite: {', '.join(parts)}"
        case _:
            return info.name


def count_ops(graph: GraphDef) -> dict[str, int]:
    """How many nodes of each op ``graph`` holds, with those of every library function it can reach, each once.

    Calls by function name count as the call they are: ``PartitionedCall``. Most frequent first, then by name.
    """
    library = {function.signature.name: function for function in graph.library.function}
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    waiting: list[Iterable[NodeDef]] = [graph.node]
    while waiting:
        for node in waiting.pop():
            counts["PartitionedCall" if node.op in library else node.op] += 1
            for name in [node.op, *(name for value in node.attr.values() for name in _function_names(value))]:
                if name in library and name not in seen:
                    seen.add(name)
                    waiting.append(library[name].node_def)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _function_names(value: AttrValue) -> Iterator[str]:
    if value.HasField("func"):
        yield value.func.name
    elif value.HasField("list"):
        yield from (function.name for function in value.list.func)


def model_name(path: str) -> str:
    """The name that a server would give the model: its folder's, not its version number's."""
    parts = [part for part in files.text(path).rstrip("/").split("/") if part not in ("", ".", "..")]
    if not parts:
        parts = os.getcwd().split("/")
    while len(parts) > 1 and (parts[-1].isdigit() or parts[-1] in ("saved_model.pb", "saved_model.pbtxt")):
        parts.pop()
    return parts[-1]
