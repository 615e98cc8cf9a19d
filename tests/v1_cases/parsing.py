"""Examples, CSV and bytes; files."""

from __future__ import annotations

from typing import Any

from v1_cases import case


def example(tf: Any, **features: Any) -> bytes:
    made = tf.train.Example()
    for key, values in features.items():
        feature = made.features.feature[key]
        if isinstance(values[0], bytes):
            feature.bytes_list.value.extend(values)
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return made.SerializeToString()  # type: ignore[no-any-return]


@case
def examples(tf: Any) -> Any:
    serialized = tf.placeholder(tf.string, [None], "examples")
    features = {
        "x": tf.FixedLenFeature([2], tf.float32),
        "y": tf.FixedLenFeature([], tf.int64, default_value=7),
        "words": tf.VarLenFeature(tf.string),
        "many": tf.FixedLenSequenceFeature([], tf.int64, allow_missing=True),
        "more": tf.FixedLenSequenceFeature([], tf.float32, allow_missing=True, default_value=-1.0),
        "sparse": tf.SparseFeature("ix", "value", tf.float32, 10),
    }
    parsed = tf.parse_example(serialized, features)
    again = tf.io.parse_example(serialized, {"x": features["x"]}, name="again")
    data = [example(tf, x=[1.0, 2.0], words=[b"a", b"b"], many=[1, 2], ix=[3, 1], value=[0.5, 0.25]),
            example(tf, x=[3.0, 4.0], y=[1], more=[1.5])]  # fmt: skip
    return [[parsed[k] for k in sorted(parsed)], again["x"]], {serialized: data}


@case
def single(tf: Any) -> Any:
    one, unknown = tf.placeholder(tf.string, [], "one"), tf.placeholder(tf.string, None, "unknown")
    features = {"x": tf.FixedLenFeature([2], tf.float32), "w": tf.VarLenFeature(tf.int64)}
    found = [tf.parse_single_example(one, features), tf.parse_single_example(unknown, features, name="checked")]
    data = example(tf, x=[1.0, 2.0], w=[5])
    return [[f[k] for k in sorted(f)] for f in found], {one: data, unknown: data}


_SEQUENCES = ("ParseSingleSequenceExample/ParseSequenceExample/ParseSequenceExampleV2", "all/all/all")


@case(values=False, looser=_SEQUENCES)
def sequences(tf: Any) -> Any:
    one, many = tf.placeholder(tf.string, [], "one"), tf.placeholder(tf.string, [None], "many")
    context = {"c": tf.FixedLenFeature([], tf.int64), "v": tf.VarLenFeature(tf.string)}
    lists = {"l": tf.FixedLenSequenceFeature([2], tf.float32), "s": tf.VarLenFeature(tf.int64)}
    first, second = tf.parse_single_sequence_example(one, context, lists)
    third, fourth, lengths = tf.io.parse_sequence_example(many, context, lists, name="all")
    return [
        [first[k] for k in sorted(first)],
        [second[k] for k in sorted(second)],
        lengths["l"],
        third["c"],
        fourth["l"],
    ]


@case
def decoded(tf: Any) -> Any:
    raw = tf.constant([b"\x01\x00\x02\x00"], name="raw")
    found = [
        tf.decode_raw(raw, tf.int16),
        tf.decode_raw(raw, tf.uint8, name="bytes"),
        tf.decode_raw(bytes=raw, out_type=tf.int32),
    ]
    found += tf.decode_csv(["1,2.5,a", "3,,b"], [[0], [9.0], [""]])
    found += tf.decode_csv(
        ["1;x;3"], [tf.constant([], tf.int32), [0]], field_delim=";", select_cols=[0, 2], name="chosen"
    )
    return found


@case(values=False, looser=("DecodeJSONExample", "DecodeCompressed"))
def files(tf: Any) -> Any:
    content = tf.read_file("/nowhere/file")
    found = [content, tf.write_file("/nowhere/file", content), tf.matching_files("/nowhere/*")]
    found += [tf.serialize_tensor([1, 2]), tf.parse_tensor(content, tf.int32), tf.decode_json_example(content)]
    return [*found, tf.decode_compressed(content)]
