"""Functions of strings."""

from __future__ import annotations

from typing import Any

from v1_cases import case


@case
def split_and_joined(tf: Any) -> Any:
    s = tf.constant(["a b", "c  d e", ""], name="s")
    p = tf.placeholder(tf.string, [None, 2], "p")
    found = [
        tf.string_split(s),
        tf.string_split(s, " ", skip_empty=False),
        tf.string_split(["a,b"], delimiter=",", name="d"),
    ]
    found += [tf.strings.split(s), tf.strings.split(s, sep=" ", maxsplit=1), tf.string_join(["a", s], "-")]
    found += [tf.reduce_join(p), tf.reduce_join(p, 1, separator="_"), tf.reduce_join(p, axis=0, keep_dims=None)]
    found += [tf.strings.join([s, s]), tf.strings.reduce_join(p, axis=1, keepdims=True, name="r")]
    found += [tf.strings.unsorted_segment_join(s, [0, 1, 0], 2)]
    return found, {p: [["x", "y"], ["z", "w"]]}


@case
def numbers(tf: Any) -> Any:
    found = [tf.string_to_number(["1.5", "2"]), tf.string_to_number(["7"], tf.int64), tf.as_string([1, 2])]
    found += [tf.as_string([1.25], precision=1), tf.as_string([True], width=6), tf.strings.to_number("3", name="n")]
    found += [tf.string_to_hash_bucket_fast(["a", "b"], 10), tf.string_to_hash_bucket_strong(["a"], 10, [1, 2])]
    return [*found, tf.strings.to_hash_bucket_fast(["c"], 7, name="h")]


@case(values=False)
def old_hash(tf: Any) -> Any:
    return [tf.string_to_hash_bucket(["a", "b"], 10), tf.strings.to_hash_bucket(input=["a"], num_buckets=3)]


@case
def changed(tf: Any) -> Any:
    s = tf.constant([" Hello ", "wörld"], name="s")
    found = [tf.substr(s, 1, 3), tf.strings.substr(s, 0, 2, unit="UTF8_CHAR"), tf.strings.length(s), tf.string_strip(s)]
    found += [tf.regex_replace(s, "l+", "L"), tf.regex_replace(s, tf.constant("o"), "0", replace_global=False)]
    found += [tf.strings.regex_full_match(s, ".*rld"), tf.strings.regex_full_match(s, tf.constant("x"))]
    found += [tf.strings.lower(s), tf.strings.upper(s, encoding="utf-8"), tf.encode_base64(s), tf.decode_base64(["YQ"])]
    found += [tf.strings.length(s, unit="UTF8_CHAR"), tf.strings.strip(s, name="st")]
    return [*found, tf.strings.unicode_transcode(s, "UTF-8", "UTF-16-BE")]


@case
def formatted(tf: Any) -> Any:
    n = tf.constant([1, 2, 3], name="n")
    found = [tf.strings.format("n is {}", n), tf.strings.format("{} and {}", [n, tf.constant(2.5)], summarize=1)]
    found += [tf.print("numbers", n, [n, "text"], {"k": n}), tf.print(n, sep=",", end="", name="shown")]
    return [*found, tf.Print(n, [n, n], "message", first_n=1, summarize=2), tf.print(tf.constant("only"))]


@case
def python(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None], "x")
    twice = tf.py_func(lambda v: v * 2, [x], tf.float32)
    both = tf.py_func(lambda v, w: [v + w, (v * w).sum()], [x, twice], [tf.float32, tf.float32], name="both")
    text = tf.py_func(lambda: "wörd", [], tf.string, stateful=False)
    return [twice, both, text, tf.numpy_function(lambda v: v[:1], [x], tf.float32)], {x: [1.0, 2.0]}
