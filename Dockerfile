# peertrail as a container: for the demo of docker-compose.yml, and for a central log host that reads files others sent to it.
# On a gateway the systemd unit (deploy/systemd) is the better place: conntrack, wg and nft ask the kernel of the machine they run on.
#
#   docker build -t peertrail .
#   docker run --rm --init peertrail --help

# Debian 12, which the tests run on; not Alpine: DuckDB's build for it is not tested.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
# npm install, not npm ci: the lock file names the platform it was written on, and npm ci then refuses on every other. Versions are
# those of the lock file all the same. No package's script runs: the one that wants to would fetch a second Node.
COPY package.json package-lock.json .npmrc ./
RUN npm install --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24.21.0-bookworm-slim
# Number and name, so that `runAsNonRoot` of an orchestrator can tell. /var/lib/peertrail: state, store; a volume takes over its owner.
RUN groupadd --system --gid 10001 peertrail \
  && useradd --system --uid 10001 --gid peertrail --no-create-home --home-dir /var/lib/peertrail peertrail \
  && install -d -o peertrail -g peertrail -m 0700 /var/lib/peertrail \
  && install -d -m 0755 /etc/peertrail
WORKDIR /opt/peertrail
COPY package.json LICENSE ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY pipelines ./pipelines
COPY deploy ./deploy
ENV NODE_ENV=production
USER 10001:10001
WORKDIR /var/lib/peertrail
VOLUME /var/lib/peertrail
# Docker's own first process (`--init`, `init: true`) takes signals and ends children; nothing else is needed for that.
ENTRYPOINT ["node", "--max-semi-space-size=32", "/opt/peertrail/dist/main.js"]
CMD ["run", "--pipeline", "/etc/peertrail/pipeline.yaml"]
