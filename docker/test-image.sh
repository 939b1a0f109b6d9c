#!/bin/sh
# Builds the image without a Docker engine or a registry, and runs it: refused on software Vulkan unless that is allowed, then a completion
# as a user without rights on a read-only root, then SIGTERM and exit code 0.
# Needs root, and on Debian: apt-get install buildah podman runc debootstrap curl. BASE=IMAGE skips debootstrap.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
export STORAGE_DRIVER=vfs
name=halflight-test
port=${PORT:-8765}
run="podman --cgroup-manager=cgroupfs --runtime /usr/sbin/runc --storage-driver vfs run --ulimit nofile=1024:1024 \
  --ulimit nproc=4096:4096 --network host --read-only --tmpfs /tmp --user 1000 --cap-drop all \
  --security-opt no-new-privileges -e HALFLIGHT_HOST=127.0.0.1 -e HALFLIGHT_PORT=$port"
# A daemonless build needs its isolation where there is no runtime that can nest.
bud="buildah bud --isolation chroot --storage-driver vfs --format docker --network host"
fail() { echo "FAILED: $*" >&2; exit 1; }
clean() {
  podman --storage-driver vfs rm -f "$name" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT

if [ -z "${BASE:-}" ]; then
  BASE=localhost/halflight-base
  # trixie, with this machine's node, npm and certificates in the place of the official image's
  debootstrap --variant=minbase --include=ca-certificates,libstdc++6 trixie "$work/root" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$work/log" ||
    { tail -20 "$work/log"; fail debootstrap; }
  rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
  cp "$(command -v node)" "$work/root/usr/local/bin/node"
  mkdir -p "$work/root/usr/local/lib/node_modules"
  cp -r "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$work/root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/root/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$work/root/usr/local/bin/npx"
  cp /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/ca-certificates.crt"
  mkdir -p "$work/root/usr/local/etc"
  echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >"$work/root/usr/local/etc/npmrc"
  tar -C "$work/root" -c . | podman --storage-driver vfs import - "$BASE" >/dev/null
  rm -rf "$work/root"
fi

# shellcheck disable=SC2086 # CACHE: options such as -v $HOME/.npm:/root/.npm
$bud ${CACHE:-} --build-arg BASE="$BASE" -f docker/Dockerfile -t "$name" . >"$work/log" 2>&1 || { tail -30 "$work/log"; fail build; }
podman --storage-driver vfs image inspect --format 'image: {{.Size}} bytes' "$name"
size=$(podman --storage-driver vfs image inspect --format '{{.Size}}' "$name")
[ "$size" -lt 600000000 ] || fail "the image has $size bytes"

if $run --rm "$name" >"$work/refused" 2>&1; then fail 'a software adapter was taken'; fi
grep -q 'require-gpu' "$work/refused" || { cat "$work/refused"; fail 'no reason given'; }
echo "refused: $(grep require-gpu "$work/refused")"

$run -d --name "$name" -e HALFLIGHT_REQUIRE_GPU=0 "$name" >/dev/null
for i in $(seq 120); do
  curl -fsS "http://127.0.0.1:$port/health/ready" >/dev/null 2>&1 && break
  [ "$i" -lt 120 ] || { podman --storage-driver vfs logs "$name"; fail 'not ready within 120 s'; }
  sleep 1
done
curl -fsS "http://127.0.0.1:$port/v1/completions" -H 'content-type: application/json' \
  -d '{"prompt":"Once upon a time","max_tokens":16,"temperature":0}'
echo
podman --cgroup-manager=cgroupfs --storage-driver vfs exec "$name" node docker/healthcheck.mjs || fail healthcheck
podman --storage-driver vfs kill --signal TERM "$name" >/dev/null
code=$(podman --storage-driver vfs wait "$name")
[ "$code" = 0 ] || { podman --storage-driver vfs logs "$name"; fail "exit code $code"; }
echo 'SIGTERM: exit code 0'
