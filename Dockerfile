# docker build --tag ibc-tf . && docker run --rm --volume "$PWD/out:/out" ibc-tf
FROM python:3.11-slim
# For simulators that draw, and for tests that ask git which files there are.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git libegl1 libgl1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /ibc-tf
COPY . .
# 1 installs CUDA's libraries, too: no driver is seen while an image is built.
ARG IBC_GPU=0
RUN bash -c "source scripts/environment.sh"
# The other command: docker run --rm ibc-tf ./run_tests.sh
CMD ["./quickstart.sh", "PARTICLE", "/out"]
