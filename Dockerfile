# docker build -t devops-control-tower . && docker run --rm -p 127.0.0.1:8000:8000 -v tower-data:/data --name tower devops-control-tower
# The key that every request must bear is made on first start: docker exec tower cat /data/api-key

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY nest-cli.json tsconfig.json tsconfig.build.json ormconfig.ts ./
COPY migrations ./migrations
COPY src ./src
COPY demo ./demo
COPY examples/extension ./examples/extension
RUN npm run build

FROM node:20-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:20-bookworm-slim
# git and ssh fetch what tasks work on; bubblewrap and util-linux (prlimit, setpriv) confine them. tini is process 1: what
# a task leaves behind becomes its child, and node does not reap children that it did not start.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends bubblewrap ca-certificates git openssh-client tini util-linux \
  && rm -rf /var/lib/apt/lists/* \
  && install --directory --owner=node --group=node --mode=0700 /data
WORKDIR /app
COPY package.json LICENSE ./
COPY docs ./docs
COPY examples ./examples
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist

# A container must listen on more than loopback to be reached, so a key is not optional here.
ENV NODE_ENV=production \
  API_HOST=0.0.0.0 \
  DATABASE_URL=sqlite:////data/tower.db \
  JCT_API_KEY_FILE=/data/api-key \
  JCT_WEBHOOK_SECRET_FILE=/data/webhook-secret \
  JCT_TRACE_ROOT=/data/traces \
  JCT_WORKSPACE_ROOT=/data/workspaces
USER node
VOLUME /data
EXPOSE 8000
# For a process that serves the API; one with JCT_ROLE=worker has no port: run it with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.API_PORT || 8000}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["node", "dist/src/main.js"]
