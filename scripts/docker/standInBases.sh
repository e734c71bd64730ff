#!/usr/bin/env bash
# Makes stand-ins for the two official base images of the Dockerfile, under their names, on a machine that cannot pull
# them: Debian by debootstrap, Node from the npm package `node-linux-*`, npm from this machine. The builder's stand-in
# also gets this machine's certificates and its settings of pip and npm, so that a build can reach what this machine
# reaches.
# Needs root, debootstrap, a Docker engine and npm. Skips an image that exists.
set -euo pipefail

node_major=24
slim="node:${node_major}-bookworm-slim"
full="node:${node_major}-bookworm"

has() { docker image inspect "$1" >/dev/null 2>&1; }
if has "$slim" && has "$full"; then
  echo "$slim and $full exist."
  exit 0
fi

root="$(mktemp -d)"
trap 'rm -rf "$root"' EXIT
mkdir "$root/debian" "$root/npm"

debootstrap --variant=minbase --include=ca-certificates,libstdc++6 bookworm "$root/debian" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$root/log" 2>&1 ||
  { tail -5 "$root/log"; exit 1; }
rm -rf "$root"/debian/var/cache/apt/archives/*.deb "$root"/debian/var/lib/apt/lists/*
package="node-linux-$(node -p process.arch)"
npm install --prefix "$root/npm" --silent --no-audit --no-fund --ignore-scripts "$package@$node_major"
install -m 755 "$root/npm/node_modules/$package/bin/node" "$root/debian/usr/local/bin/node"
mkdir -p "$root/debian/usr/local/lib/node_modules"
cp -r "$(npm root --global)/npm" "$root/debian/usr/local/lib/node_modules/npm"
for tool in npm npx; do
  ln -s "../lib/node_modules/npm/bin/$tool-cli.js" "$root/debian/usr/local/bin/$tool"
done
rm -f "$root"/debian/usr/local/lib/node_modules/npm/npmrc
tar -C "$root/debian" -c . | docker import --change 'CMD ["node"]' - "$slim" >/dev/null
echo "$slim created."

# A package index or a folder of wheels on this machine is not available inside: the one big wheel is put where pip
# looks.
mkdir -p "$root/debian/opt/wheels" "$root/debian/usr/local/etc"
node --input-type=module - "$root/debian/opt/wheels" <<'EOF'
const { pinnedLibrary } = await import(`${process.cwd()}/scripts/setup/pins.mjs`);
const { fetchWheel } = await import(`${process.cwd()}/scripts/setup/fetchWheel.mjs`);
for (const wheel of pinnedLibrary('cpu').wheels) await fetchWheel(wheel, process.argv[2]);
EOF
printf '[global]\nfind-links = /opt/wheels\n' >"$root/debian/etc/pip.conf"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/debian/etc/ssl/certs/ca-certificates.crt"
printf 'cafile=/etc/ssl/certs/ca-certificates.crt\n' >"$root/debian/usr/local/etc/npmrc"
tar -C "$root/debian" -c . | docker import --change 'CMD ["node"]' - "$full" >/dev/null
echo "$full created."
