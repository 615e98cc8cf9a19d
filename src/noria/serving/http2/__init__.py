"""HTTP/2 and gRPC for the gRPC port: header compression, frames, a connection, and the server that holds them."""
