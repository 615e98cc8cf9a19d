"""HTTP/1.1 for the REST port: a connection, the messages on it, and the server that holds them."""
