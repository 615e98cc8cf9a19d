"""The rules of every op, by family. Importing this package fills the tables of ``noria.graph.rules``.

One family a file; the rules of one op (infer, lower, kernel) stand side by side.
"""

from noria.ops import (  # noqa: F401  # imported for what they fill in: the table of contents
    activation,
    arithmetic,
    batch_norm,
    cast,
    checkpoint_ops,
    comparison,
    control,
    conv,
    decoding,
    einsum,
    elementwise,
    gather,
    hashing,
    identity,
    linalg,
    lookup,
    loss,
    padding,
    parsing,
    pool,
    reduction,
    regex,
    resize,
    scatter_state,
    shape_ops,
    slicing,
    sparse,
    spatial,
    state,
    strided_slice,
    strings,
)
