"""Exports models from GANscope: ONNX files, `torch.export` programs, and plain PyTorch code."""
