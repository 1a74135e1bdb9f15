# The relay or a provider, as the package that `scripts/tasks/package.ts` makes. See docs/OPERATING.md, "Deploying".
#
# The base is pinned by its tag. To pin its bytes too, build with
#   --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@<digest>
# and the digest that `docker buildx imagetools inspect node:24.21.0-bookworm-slim` prints.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY scripts/empty-package scripts/empty-package
RUN npm ci --no-audit --no-fund
COPY . .
RUN node scripts/tasks/package.ts
WORKDIR /app
RUN npm install --omit=dev --no-audit --no-fund /src/dist/tabloom-*.tgz

FROM ${NODE_IMAGE}
ENV NODE_ENV=production DATA_DIR=/data HOST=0.0.0.0 PORT=8080
COPY --from=build /app/node_modules /app/node_modules
RUN install --directory --owner=node --group=node --mode=0700 /data
USER node
WORKDIR /data
VOLUME /data
EXPOSE 8080
# The program handles it itself, as process 1 too: answers that run have SHUTDOWN_SECONDS to end.
STOPSIGNAL SIGTERM
# Not /ready: a relay without workers is well, and waits for its first tab. A provider has no port: run it with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/node_modules/tabloom/relay/main.js"]
CMD ["relay", "--no-native"]
