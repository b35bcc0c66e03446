"""Takes models out of GANscope: ONNX files, `torch.export` programs, and plain PyTorch code."""
