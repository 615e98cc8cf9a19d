#!/bin/sh
# The container's entry point, with the arguments that TensorFlow Serving's image gives its server: the ports, the model
# that MODEL_NAME and MODEL_BASE_PATH name, then the user's own, of which the later one of two counts.
exec noria serve --port=8500 --rest_api_port=8501 \
    --model_name="${MODEL_NAME}" --model_base_path="${MODEL_BASE_PATH}/${MODEL_NAME}" "$@"
