# Noria's model server, in place of tensorflow/serving: the same entry point, environment, ports and folders.
#
#   docker build -t noria .
#   docker run -p 8500:8500 -p 8501:8501 -v "$PWD/models:/models:ro" -e MODEL_NAME=iris noria
#
# For both architectures: docker buildx build --platform linux/amd64,linux/arm64 -t registry/noria --push .
# Every dependency has wheels for both, so nothing is compiled. See docs/docker.md.

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
# Extras of the package ("image,otel") and further packages ("s3fs gcsfs" for s3:// and gs:// paths).
ARG EXTRAS=""
ARG PACKAGES=""
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip wheel --no-cache-dir --disable-pip-version-check --no-deps --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/noria \
 && pip --python /opt/noria/bin/python install --no-cache-dir --disable-pip-version-check --only-binary=:all: \
        "$(ls /wheels/*.whl)${EXTRAS:+[$EXTRAS]}" ${PACKAGES}

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="noria" \
      org.opencontainers.image.description="Serves TensorFlow models without TensorFlow, to TensorFlow Serving's clients" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/noria /opt/noria
COPY --chmod=755 docker/tf_serving_entrypoint.sh docker/tensorflow_model_server docker/noria-health /usr/bin/
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin noria && mkdir -p /models/model

ENV PATH=/opt/noria/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MODEL_NAME=model \
    MODEL_BASE_PATH=/models
# gRPC, REST
EXPOSE 8500 8501
USER 10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["noria-health"]
ENTRYPOINT ["/usr/bin/tf_serving_entrypoint.sh"]
