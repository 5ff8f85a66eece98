# The example bank. Build with `docker build -t bank .`; docker-compose.yml runs two of them beside a broker.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY libs libs
COPY src src
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# rocksdb-native has binaries for 13 platforms; the package rocksdb loads on Node 20 only.
RUN npm ci --omit=dev --no-audit --no-fund \
  && find node_modules/rocksdb-native/prebuilds -mindepth 1 -maxdepth 1 \
    ! -name "$(node -p 'process.platform + "-" + process.arch')" -exec rm -r {} + \
  && rm -r node_modules/rocksdb

FROM node:24-slim
# rocksdb-native is linked against libatomic, which slim images leave out.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends libatomic1 \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production STATE_DIR=/state
WORKDIR /app
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
# A new volume takes its owner from the folder that it is mounted on.
RUN install --directory --owner=node --group=node --mode=0700 /state
VOLUME /state
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js"]
