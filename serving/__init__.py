"""GANscope over HTTP: `ganscope serve`.

command     what the command line starts: the server and its end
app         the routes as one ASGI application; routes/ holds them
guard       in front of the routes: keys, rates, sizes, headers, logs and figures
line        one thread for each model, which draws what waits as one batch
drawing     a batch through onnxruntime, or through PyTorch where there is no export
exports     the ONNX files, written once in a process of their own
jobs        what takes long: begun, watched, cancelled, fetched
answers     PNG, WebP or JSON
"""
