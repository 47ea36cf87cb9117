"""ApproxNet in PyTorch, and its export to the ONNX file that `classifiers.approxnet` runs."""
