"""The rules of every op, by family. Importing this package fills the tables of ``noria.graph.rules``.

One family a file; the rules of one op (infer, lower, kernel) stand side by side.
"""

from noria.ops import (  # noqa: F401  # imported for what they fill in: the table of contents
    activation,
    arithmetic,
    cast,
    checkpoint_ops,
    comparison,
    control,
    conv,
    decoding,
    einsum,
    elementwise,
    hashing,
    identity,
    linalg,
    lookup,
    padding,
    parsing,
    pool,
    reduction,
    regex,
    scatter_state,
    shape_ops,
    slicing,
    sparse,
    state,
    strided_slice,
    strings,
)
