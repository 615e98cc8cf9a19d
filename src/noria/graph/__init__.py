"""The one intermediate representation, its rule tables and its checks."""
