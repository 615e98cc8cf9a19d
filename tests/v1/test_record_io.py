"""``tf.python_io``: files of records, plain and compressed."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest

import noria.v1 as tf
from noria.errors import DataLossError, FailedPreconditionError, NotFoundError

KIND = tf.python_io.TFRecordCompressionType
RECORDS = [b"", b"one", b"\x00\xff" * 100]


@pytest.mark.parametrize("kind", [None, "", "GZIP", "ZLIB", KIND.NONE, KIND.ZLIB, KIND.GZIP])
def test_what_is_written_is_read(tmp_path: Path, kind: Any) -> None:
    path = str(tmp_path / "records")
    options = tf.python_io.TFRecordOptions(kind)
    with tf.python_io.TFRecordWriter(path, options) as writer:
        for record in RECORDS:
            writer.write(record)
    assert list(tf.python_io.tf_record_iterator(path, options)) == RECORDS
    assert list(tf.io.tf_record_iterator(path, kind)) == RECORDS


def test_settings_of_zlib(tmp_path: Path) -> None:
    sizes = []
    for level in (1, 9):
        options = tf.io.TFRecordOptions("ZLIB", compression_level=level, mem_level=9, window_bits=15)
        with tf.io.TFRecordWriter(tmp_path / "records", options) as writer:
            writer.write(b"".join(b"%d," % (i * i) for i in range(3000)))
        sizes.append((tmp_path / "records").stat().st_size)
        zlib.decompress((tmp_path / "records").read_bytes())
    assert sizes[0] > sizes[1]
    with pytest.raises(ValueError, match='Not a valid compression_type: "LZ4"'):
        tf.io.TFRecordOptions("LZ4")


@pytest.mark.parametrize("kind", ["", "GZIP"])
def test_flush_shows_what_was_written(tmp_path: Path, kind: str) -> None:
    writer = tf.io.TFRecordWriter(str(tmp_path / "records"), kind)
    writer.write(b"one")
    before = (tmp_path / "records").stat().st_size
    writer.flush()
    assert (tmp_path / "records").stat().st_size > before
    writer.close()
    writer.close()
    for late in (writer.flush, lambda: writer.write(b"")):
        with pytest.raises(FailedPreconditionError, match="Writer is closed"):
            late()


def test_failures(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="none/records; No such file or directory"):
        tf.python_io.TFRecordWriter(str(tmp_path / "none" / "records"))
    with pytest.raises(NotFoundError):
        list(tf.python_io.tf_record_iterator(str(tmp_path / "none")))
    (tmp_path / "text").write_text("not records, certainly not records")
    with pytest.raises(DataLossError):
        list(tf.python_io.tf_record_iterator(str(tmp_path / "text")))


def test_examples(tmp_path: Path) -> None:
    example = tf.train.Example(
        features=tf.train.Features(
            feature={
                "n": tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 2])),
                "x": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5])),
                "s": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a"])),
            }
        )
    )
    with tf.python_io.TFRecordWriter(str(tmp_path / "examples")) as writer:
        writer.write(example.SerializeToString())
    (data,) = tf.python_io.tf_record_iterator(str(tmp_path / "examples"))
    assert tf.train.Example.FromString(data) == example
    again = tf.train.Example()
    again.ParseFromString(data)
    assert again.features.feature["n"].int64_list.value == [1, 2]
