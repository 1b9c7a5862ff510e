"""Exported policies without TensorFlow: NumPy around onnxruntime or LiteRT."""
