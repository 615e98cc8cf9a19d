"""Rows of the op case table, one module a family."""
