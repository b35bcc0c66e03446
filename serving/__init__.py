"""GANscope over HTTP: `ganscope serve`.

command     what the command line starts: the server and its end
app         the routes as one ASGI application; routes/ holds them
guard       in front of the routes: keys, rates, sizes, headers, logs and figures
line        the queue of each model, whose thread draws waiting requests as one batch
drawing     a batch of pictures through onnxruntime, or through PyTorch where there is no export
sampling    a batch of other samples: sound, text, music, molecules, films, and pictures of words or poses
exports     the ONNX files, written once in a process of their own
jobs        long work: started, watched, cancelled, fetched
answers     PNG, WebP, JSON, and the files of each medium
"""
