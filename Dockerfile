# The single file of `make dist` on a small system, without root.
#
#   docker build -t llamacpp-server .
#   docker run -p 8090:8090 -e LLAMA_API_KEY=secret llamacpp-server
#   docker run -p 8090:8090 -e LLAMA_API_KEY=secret -v ~/models:/models:ro llamacpp-server serve --host 0.0.0.0 -m /models/x.gguf
#
# PREBUILT=1 takes prebuilt llama.cpp libraries: minutes less, see lib/README.md.
# Pulled models lie in /home/llama/.llamacpp-server: give it a volume. With --read-only also a writable
# /home/llama/.cache that programs may run from: --tmpfs /home/llama/.cache:exec,uid=10001,mode=700

FROM debian:12-slim AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates cmake g++ git make ninja-build npm \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
ARG PREBUILT=
RUN make dist PREBUILT=$PREBUILT

FROM debian:12-slim
RUN useradd --uid 10001 --create-home llama \
 && install -d -o llama -g llama -m 700 /home/llama/.llamacpp-server
COPY --from=build /build/dist/llamacpp-server /usr/local/bin/llamacpp-server
USER llama
WORKDIR /home/llama
EXPOSE 8090
# Asks the server with the key of LLAMA_API_KEY; another port: -e LLAMA_ARG_PORT=... instead of --port.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["llamacpp-server", "ps"]
ENTRYPOINT ["llamacpp-server"]
# Without a key it refuses to serve a network: LLAMA_API_KEY or --allow-anonymous.
CMD ["serve", "--host", "0.0.0.0"]
