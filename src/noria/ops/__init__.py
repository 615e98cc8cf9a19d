"""The rules of every op, by family. Importing this package fills the tables of ``noria.graph.rules``.

One family a file; the rules of one op (infer, lower, kernel) stand side by side.
"""
