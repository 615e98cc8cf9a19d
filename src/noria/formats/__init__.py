"""Bytes to plain values and back: checkpoints, SavedModels, tensors, records. Knows no graph."""
