"""Lookup tables from lists and files, string ops, hashing to buckets, sparse text; exported with their files."""
# mypy: ignore-errors

import os
import sys

import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
folder = sys.argv[1].partition("=")[2]
vocabulary = os.path.join(folder, "vocabulary.txt")
with tf.gfile.GFile(vocabulary, "w") as f:
    f.write("the\ncat\nsat\nmat\n")

lines = tf.placeholder(tf.string, [None], name="lines")
lower = tf.strings.lower(tf.strings.strip(lines))
words = tf.string_split(lower, delimiter=" ")
table = tf.lookup.StaticVocabularyTable(
    tf.lookup.TextFileInitializer(
        vocabulary, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
    ),
    num_oov_buckets=3,
)
ids = tf.SparseTensor(words.indices, table.lookup(words.values), words.dense_shape)
dense = tf.sparse_tensor_to_dense(ids, default_value=-1, name="ids")
keys, values = tf.constant([10, 20]), tf.constant(["ten", "twenty"])
names = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), "unknown")
buckets = tf.string_to_hash_bucket_fast(words.values, 100)
lengths = tf.strings.length(lower)
joined = tf.string_join([lower, tf.as_string(lengths)], separator="#")
embedding = tf.get_variable("embedding", initializer=tf.reshape(tf.range(21.0), [7, 3]))
mean = tf.nn.embedding_lookup_sparse(embedding, ids, None, combiner="mean", name="mean")
text = [" The cat SAT", "on", "the the dog", ""]

with tf.Session() as sess:
    try:
        sess.run(dense, {lines: text})
    except tf.errors.FailedPreconditionError as error:
        print("Table not initialized" in error.message)
    sess.run([tf.global_variables_initializer(), tf.tables_initializer()])
    print(sess.run(dense, {lines: text}).tolist())
    print(sess.run(words, {lines: text[:2]}))
    print(sess.run([buckets, joined, lengths], {lines: text}))
    print(sess.run(names.lookup(tf.constant([20, 5]))).tolist(), sess.run([table.size(), names.size()]))
    print(sess.run(mean, {lines: text[:3]}).tolist())
    print([op.type for op in tf.get_default_graph().get_operations() if "Table" in op.type])
    tf.saved_model.simple_save(
        sess, folder + "/model", {"lines": lines}, {"ids": dense}, legacy_init_op=tf.tables_initializer()
    )
os.rename(vocabulary, vocabulary + ".moved")
print(sorted(os.listdir(folder + "/model")), os.listdir(folder + "/model/assets"))
with tf.Session(graph=tf.Graph()) as sess:
    tf.saved_model.loader.load(sess, ["serve"], folder + "/model")
    print(sess.run("ids:0", {"lines:0": ["cat mat", "hat"]}).tolist())
