# The official run in one image: TensorFlow, the reference submission, the evaluator and a Track with its withheld half
# sealed.
#
#     docker build -t haet --build-arg COMMIT=$(git rev-parse HEAD) --build-arg TRACK=sealed-track .
#     docker run ... -v IMAGES_KEY:/run/secrets/images-key:ro -v OUT:/out haet
#     docker run ... -v IDENTITY:/run/secrets/identity:ro -v OUT:/out haet score /out/RUN
#
# The first runs the entry; the second, without it, scores and signs. docs/official.md has both commands in full, with
# the options that lock them down. Without the images key the first is a dry run. For a GPU: --build-arg DEVICE=gpu, and
# --gpus all for the run.
# A release pins both bases by digest: --build-arg BUILD_BASE=node:24-bookworm@sha256:... and BASE likewise.
ARG BUILD_BASE=node:24-bookworm
ARG BASE=node:24-bookworm-slim

FROM ${BUILD_BASE} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ libc6-dev python3-pip \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
ARG DEVICE=cpu
ENV HAET_CACHE=/opt/haet-cache HAET_DEVICE=${DEVICE}
# Slow parts first: packages and the library are fetched again only if their own files change, and sources are compiled
# only if one of them changes, not for another Track.
COPY package.json package-lock.json .npmrc ./
COPY submission/package.json submission/
COPY scripts/setup.mjs scripts/
COPY scripts/setup scripts/setup
RUN node scripts/setup.mjs --dependencies
COPY tsconfig.json tsconfig.build.json LICENSE README.md CHANGELOG.md ./
COPY scripts scripts
COPY cli cli
COPY datasets datasets
COPY evaluator evaluator
COPY submission submission
# The archive that anyone installs, with the packages of its own lock file, and the runtime that `haet setup` makes.
# No GPU is visible while an image is built. `haet check-machine` checks it in a container with --gpus all.
RUN node scripts/pack.mjs /tmp \
 && mkdir /opt/haet \
 && tar -xzf /tmp/haet-*.tgz -C /opt/haet --strip-components=1 --no-same-owner \
 && npm ci --prefix /opt/haet --omit=dev --ignore-scripts --no-audit --no-fund \
 && node /opt/haet/scripts/setup.mjs --without-proof
COPY . .
# Folder of the build context with a sealed Track (`haet seal --public`); without one, shapes drawn from a seed. A
# folder with any other file, such as unencrypted labels, is rejected, because the image may be published.
ARG TRACK=
RUN if [ -n "$TRACK" ]; then node /opt/haet/cli/bin.mjs seal check "$TRACK" && cp -r "$TRACK" /track; \
    else node /opt/haet/cli/bin.mjs data make --source synthetic --train-per-class 500 --test-per-class 100 --seed 1 \
      --out /track; fi
ARG COMMIT=
# chmod -R would copy every file into this layer, 2 GB.
RUN if [ -n "$COMMIT" ]; then echo "$COMMIT" > /opt/haet/dist/commit; fi \
 && rm -rf "$HAET_CACHE"/downloads "$HAET_CACHE"/libtensorflow/*/tensorflow/include \
 && find /opt/haet /opt/haet-cache /track ! -type l \( -perm /022 -o ! -perm -044 -o -perm -100 ! -perm -011 \) \
      -exec chmod go=rX {} + \
 && if [ -f /track/labels.npy ]; then chmod 600 /track/labels.npy; fi

FROM ${BASE}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-numpy tini libnss-myhostname \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && install -d -m 700 /run/secrets \
 && echo 'entry:x:64001:64001::/tmp:/bin/sh' >> /etc/passwd \
 && echo 'entry:x:64001:' >> /etc/group
COPY --from=build /opt/haet-cache /opt/haet-cache
COPY --from=build /opt/haet /opt/haet
COPY --from=build /track /track
RUN ln -s /opt/haet-cache/runtime/*/node_modules /node_modules
ENV HAET_CACHE=/opt/haet-cache NODE_ENV=production
# For entries: Python with NumPy, a name for their user, and libnss-myhostname, which resolves the host's own name. tini is
# the first process and reaps orphans.
ENTRYPOINT ["tini", "--", "node", "/opt/haet/cli/bin.mjs"]
CMD ["official"]
