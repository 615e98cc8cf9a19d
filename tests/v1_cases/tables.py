"""Lookup tables: filled from tensors and files, with buckets, and those that change."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from v1_cases import case

WORDS = ["emerson", "lake", "palmer"]


def lookup_ops(tf: Any) -> Any:
    """The module of the functions that 1.x has in tf.contrib.lookup."""
    if tf.__name__.startswith("noria"):
        return _Found(tf)
    from tensorflow.python.ops import lookup_ops as found  # of the TensorFlow that runs this case

    return found


class _Found:
    """Noria's names of that module: those that are public nowhere, and those of tf.lookup."""

    def __init__(self, tf: Any) -> None:
        self._tf = tf

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tf.lookup, name, None) or getattr(self._tf.python.ops.lookup_ops, name)


def vocabulary(name: str) -> str:
    """A file of three words that is at the same place in every run."""
    path = Path(tempfile.gettempdir()) / f"noria_case_{name}.txt"
    path.write_text("\n".join(WORDS) + "\n")
    return str(path)


@case
def static_tables(tf: Any) -> Any:
    keys = tf.constant(WORDS)
    pairs = tf.lookup.KeyValueTensorInitializer(keys, [1, 2, 3], tf.string, tf.int64)
    table = tf.lookup.StaticHashTable(pairs, -1)
    with tf.name_scope("named"):
        plain = tf.lookup.KeyValueTensorInitializer([1, 2], [1.5, 2.5], name="filled")
        second = tf.lookup.StaticHashTable(plain, default_value=0.0, name="second")
    asked = tf.constant([["lake", "unknown"], ["palmer", "emerson"]])
    sparse = tf.SparseTensor([[0, 0], [1, 2]], ["lake", "nobody"], [2, 3])
    found = [table.lookup(asked), second.lookup(tf.constant([2, 9])), table.size(), table.lookup(sparse).values]
    assert table.key_dtype == tf.string
    assert second.name == "second"
    assert len(tf.get_collection(tf.GraphKeys.TABLE_INITIALIZERS)) == 2
    tf.tables_initializer()
    tf.initialize_all_tables(name="all")
    table.export()
    return [*found, table.lookup(tf.constant("palmer"), name="one")]


@case
def file_tables(tf: Any) -> Any:
    path = vocabulary("file_tables")
    kind = tf.lookup.TextFileIndex
    ids = tf.lookup.TextFileInitializer(path, tf.string, kind.WHOLE_LINE, tf.int64, kind.LINE_NUMBER)
    table = tf.lookup.StaticHashTable(ids, -1)
    words = tf.lookup.TextFileInitializer(
        path, tf.int64, kind.LINE_NUMBER, tf.string, kind.WHOLE_LINE, vocab_size=2, name="words"
    )
    back = tf.lookup.StaticHashTable(words, "UNK")
    assert table._shared_name == f"hash_table_{path}_-2_-1"
    assert back._shared_name == f"hash_table_{path}_2_-1_-2"
    assert [t.name for t in tf.get_collection(tf.GraphKeys.ASSET_FILEPATHS)] == ["asset_path:0", "asset_path_1:0"]
    return [table.lookup(tf.constant(["palmer", "x"])), back.lookup(tf.constant([0, 1, 2], tf.int64)), back.size()]


@case
def vocabulary_tables(tf: Any) -> Any:
    pairs = tf.lookup.KeyValueTensorInitializer(WORDS, tf.constant([0, 1, 2], tf.int64))
    table = tf.lookup.StaticVocabularyTable(pairs, 2)
    numbers = tf.lookup.KeyValueTensorInitializer(tf.constant([7, 8], tf.int64), tf.constant([0, 1], tf.int64))
    of_ints = tf.lookup.StaticVocabularyTable(numbers, 3, lookup_key_dtype=tf.int32)
    buckets = tf.lookup.StaticVocabularyTable(None, 5)
    asked = tf.constant(["lake", "other", "another"])
    found = [table.lookup(asked), table.size(), of_ints.lookup(tf.constant([8, 9, 10]))]
    return [*found, buckets.lookup(asked), buckets.size()]


@case
def functions(tf: Any) -> Any:
    ops = lookup_ops(tf)
    path = vocabulary("functions")
    asked = tf.constant(["lake", "other", "emerson"])
    found = []
    for buckets in (0, 2):
        table = ops.index_table_from_tensor(WORDS, num_oov_buckets=buckets, default_value=-1)
        found.append(table.lookup(asked))
        of_file = ops.index_table_from_file(path, num_oov_buckets=buckets, vocab_size=3 - buckets)
        found += [of_file.lookup(asked), of_file.size()]
    numbers = ops.index_table_from_tensor([5, 6], dtype=tf.int32, num_oov_buckets=1, name="numbers")
    found.append(numbers.lookup(tf.constant([6, 7])))
    strong = ops.index_table_from_tensor(WORDS, num_oov_buckets=4, hasher_spec=ops.StrongHashSpec([1, 2]))
    found.append(strong.lookup(asked))
    back = ops.index_to_string_table_from_tensor(WORDS, default_value="?")
    found.append(back.lookup(tf.constant([2, 3], tf.int64)))
    from_file = ops.index_to_string_table_from_file(path)
    found.append(from_file.lookup(tf.constant([0, 5], tf.int64)))
    only = ops.IdTableWithHashBuckets(None, 3, name="only")
    return [*found, only.lookup(asked)]


@case
def mutable_tables(tf: Any) -> Any:
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    rows = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, [0.0, 0.0], name="rows", checkpoint=False)
    put = [table.insert(tf.constant(["a", "b"]), tf.constant([1, 2], tf.int64))]
    put.append(rows.insert([1, 2], [[1.0, 2.0], [3.0, 4.0]]))
    with tf.control_dependencies(put):
        out = [table.lookup(tf.constant(["b", "c"])), rows.lookup([2, 3]), table.size()]
    with tf.control_dependencies(out):
        gone = table.remove(tf.constant(["a"]))
    with tf.control_dependencies([gone]):
        left = table.size()
    assert len(tf.get_collection(tf.GraphKeys.SAVEABLE_OBJECTS)) == 1
    return [*out, left]


@case
def dense_tables(tf: Any) -> Any:
    table = tf.lookup.experimental.DenseHashTable(
        tf.int64, tf.int64, default_value=-1, empty_key=0, deleted_key=-2, initial_num_buckets=8
    )
    put = table.insert([1, 2], [10, 20])
    with tf.control_dependencies([put]):
        found = table.lookup([2, 3])
    with tf.control_dependencies([found]):
        gone = table.erase(tf.constant([1], tf.int64))
    with tf.control_dependencies([gone]):
        return [found, table.size()]
