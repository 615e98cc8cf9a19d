#!/bin/sh
# What a model server answers to curl. Usage: curl.sh [host:port of the REST API]
set -eu
server=http://${1:-localhost:8501}

echo "# is it alive, is it ready"
curl -sf "$server/healthz" > /dev/null && curl -sf "$server/readyz" > /dev/null && echo yes

echo "# the versions of a model and their states"
curl -sf "$server/v1/models/iris" | tr -d ' \n'; echo

echo "# rows in, rows out"
curl -sf "$server/v1/models/iris:predict" -d '{"instances": [[5.9, 2.8, 4.3, 1.3]]}' | tr -d ' \n'; echo

echo "# columns in, columns out; a version by its number"
curl -sf "$server/v1/models/iris/versions/1:predict" -d '{"inputs": {"x": [[5.9, 2.8, 4.3, 1.3]]}}' | tr -d ' \n'; echo

echo "# a compressed request"
printf '{"instances": [[5.9, 2.8, 4.3, 1.3]]}' | gzip -c |
    curl -sf "$server/v1/models/iris:predict" -H 'Content-Encoding: gzip' --data-binary @- | tr -d ' \n'; echo

echo "# an error, as everywhere: a status and a text"
curl -s -o /dev/null -w '%{http_code}\n' "$server/v1/models/absent:predict" -d '{"instances": [1]}'

echo "# the Open Inference Protocol"
curl -sf "$server/v2/models/iris"; echo
curl -sf "$server/v2/models/iris/infer" \
    -d '{"id": "1", "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [5.9, 2.8, 4.3, 1.3]}]}'; echo
