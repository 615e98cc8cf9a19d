"""Lookup tables on the Python side: what is refused, what a Saver stores, how sessions keep them apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import noria.v1 as tf


@pytest.fixture(autouse=True)
def graph() -> Iterator[tf.Graph]:
    with tf.Graph().as_default() as made:
        yield made


def pairs() -> tf.lookup.KeyValueTensorInitializer:
    return tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64))


def test_dtypes_are_checked() -> None:
    table = tf.lookup.StaticHashTable(pairs(), -1)
    with pytest.raises(TypeError, match="Dtype of argument `keys` must be"):
        table.lookup(tf.constant([1, 2]))
    with pytest.raises(TypeError, match="Invalid key dtype for table"):
        tf.lookup.KeyValueTensorInitializer([1], [1]).initialize(table)
    with pytest.raises(ValueError, match="must be > 0; use StaticHashTable"):
        tf.lookup.StaticVocabularyTable(pairs(), 0)
    with pytest.raises(TypeError, match="Invalid `key_dtype`, expected integer but got"):
        tf.lookup.StaticVocabularyTable(pairs(), 1, lookup_key_dtype=tf.int64)
    with pytest.raises(TypeError, match="Invalid `value_dtype`"):
        tf.lookup.StaticVocabularyTable(tf.lookup.KeyValueTensorInitializer(["a"], [1]), 1)


def test_columns_are_checked() -> None:
    kind = tf.lookup.TextFileIndex
    make = tf.lookup.TextFileInitializer
    with pytest.raises(ValueError, match="`filename` argument required"):
        make("", tf.string, kind.WHOLE_LINE, tf.int64, kind.LINE_NUMBER)
    with pytest.raises(ValueError, match="`key_index` should be >= -2"):
        make("f", tf.string, -3, tf.int64, kind.LINE_NUMBER)
    with pytest.raises(ValueError, match="`value_dtype` must be int64"):
        make("f", tf.string, kind.WHOLE_LINE, tf.string, kind.LINE_NUMBER)
    with pytest.raises(ValueError, match="should be either integer or string"):
        make("f", tf.float32, kind.WHOLE_LINE, tf.int64, kind.LINE_NUMBER)
    with pytest.raises(ValueError, match="`vocab_size` should be > 0"):
        make("f", tf.string, kind.WHOLE_LINE, tf.int64, kind.LINE_NUMBER, vocab_size=0)


def test_an_unfilled_table_says_so() -> None:
    table = tf.lookup.StaticHashTable(pairs(), -1)
    found = table.lookup(tf.constant(["a"]))
    with tf.Session() as session, pytest.raises(tf.errors.FailedPreconditionError):
        session.run(found)


def test_contrib_names() -> None:
    table = tf.contrib.lookup.index_table_from_tensor(mapping=["x", "y"], num_oov_buckets=1)
    by_hash = tf.contrib.lookup.HashTable(pairs(), -1)
    words = tf.contrib.lookup.index_to_string(tf.constant([1, 7], tf.int64), mapping=["x", "y"])
    places = tf.contrib.lookup.string_to_index(tf.constant(["y", "z"]), ["x", "y"])
    with tf.Session() as session:
        session.run(tf.tables_initializer())
        assert session.run(table.lookup(tf.constant(["y", "q"]))).tolist() == [1, 2]
        assert session.run(by_hash[tf.constant(["b"])]).tolist() == [2]
        assert session.run([words, places])[0].tolist() == [b"y", b"UNK"]
        assert session.run(places).tolist() == [1, -1]
        assert by_hash.init is by_hash.initializer


def test_a_vocabulary_file_is_an_asset(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("one\ntwo\n")
    table = tf.contrib.lookup.index_table_from_file(str(path), key_dtype=tf.string)
    back = tf.contrib.lookup.index_to_string_table_from_file(vocabulary_file=str(path))
    assets = tf.get_collection(tf.GraphKeys.ASSET_FILEPATHS)
    assert [a.op.type for a in assets] == ["Const", "Const"]
    with tf.Session() as session:
        session.run(tf.tables_initializer())
        assert session.run(table.lookup(tf.constant(["two", "six"]))).tolist() == [1, -1]
        assert session.run(back.lookup(tf.constant([0], tf.int64))).tolist() == [b"one"]


def test_a_saver_keeps_mutable_tables(tmp_path: Path) -> None:
    table = tf.contrib.lookup.MutableHashTable(tf.string, tf.int64, -1, name="counts")
    put = table.insert(tf.constant(["a", "b"]), tf.constant([1, 2], tf.int64))
    found = table.lookup(tf.constant(["b", "c"]))
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(put)
        prefix = saver.save(session, str(tmp_path / "model"))
    with tf.Session() as session:
        assert session.run(found).tolist() == [-1, -1]
        saver.restore(session, prefix)
        assert session.run(found).tolist() == [2, -1]
    names = [name for name, _ in tf.train.list_variables(prefix)]
    assert names == ["counts-keys", "counts-values"]


def test_dense_tables_of_contrib() -> None:
    table = tf.contrib.lookup.MutableDenseHashTable(tf.int64, tf.float32, 0.0, empty_key=-1, deleted_key=-2)
    with tf.Session() as session:
        session.run(table.insert([3], [1.5]))
        np.testing.assert_array_equal(session.run(table.lookup([3, 4])), [1.5, 0.0])
        session.run(table.remove(tf.constant([3], tf.int64)))
        assert session.run(table.size()) == 0
