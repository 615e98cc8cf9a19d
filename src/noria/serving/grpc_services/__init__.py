"""Services of gRPC itself, beside those that serve models: health checking and reflection."""
