"""Graph → Program: the passes, the cut into ONNX segments and host steps, and the engine."""
