# The classroom (port 8501) and the Studio (port 7860) in one image:
#   docker build -t ganscope .
#   docker run --init -p 8501:8501 -p 7860:7860 -v ganscope:/home/ganscope/.ganscope ganscope
# The Studio alone, for strangers: docker run --init -p 7860:7860 -e GANSCOPE_HOSTED=1 ganscope python gradio_app.py
FROM python:3.11-slim

# PyTorch's builds: cpu is 5 GB smaller than those for GPUs. For NVIDIA: --build-arg TORCH=cu130, and run with --gpus all
ARG TORCH=cpu

RUN useradd --create-home --uid 1000 ganscope \
    && install --directory --owner ganscope --group ganscope /home/ganscope/.ganscope
WORKDIR /app

COPY requirements.txt ./
RUN pip install --no-cache-dir --extra-index-url "https://download.pytorch.org/whl/${TORCH}" -r requirements.txt

COPY app.py classroom.py gradio_app.py pyproject.toml README.md LICENSE ./
COPY .streamlit ./.streamlit
COPY gan_core ./gan_core
COPY pages ./pages
COPY serving ./serving
COPY tabs ./tabs
COPY ui ./ui
COPY pretrained ./pretrained
RUN pip install --no-cache-dir --no-deps --editable .

# what `ganscope serve` needs, see deploy/compose.yaml: --build-arg EXTRAS=serve,export
ARG EXTRAS=
RUN if [ -n "${EXTRAS}" ]; then \
        pip install --no-cache-dir --extra-index-url "https://download.pytorch.org/whl/${TORCH}" --editable ".[${EXTRAS}]"; \
    fi

USER ganscope
ENV PYTHONUNBUFFERED=1 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_PORT=8501 \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860
EXPOSE 8501 7860
VOLUME /home/ganscope/.ganscope
# asks the Studio where nothing listens at the classroom's port
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s \
    CMD python -c "import socket, urllib.request as web; alone = socket.socket().connect_ex(('localhost', 8501)); web.urlopen('http://localhost:' + ('7860/config' if alone else '8501/_stcore/health'), timeout=4)"
CMD ["sh", "-c", "python gradio_app.py & exec streamlit run classroom.py"]
