#!/usr/bin/env bash
# Builds the image around a sealed Track of drawn shapes and uses it as an organizer does: a dry run without the key, an
# official run of entries in shell, in Python and of the reference submission, each record verified, a changed byte seen;
# entries that misbehave let loose inside. Prints the image's size and how long it takes to start.
# Needs a Docker engine and the two base images (standInBases.sh makes them where they cannot be pulled).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

image="${HAET_IMAGE_NAME:-haet-check}"
haet=(node cli/bin.mjs)
at="$(mktemp -d)"
sealed="sealed-track/check-$$" # inside the build's context, and ignored by git
trap 'rm -rf "$at" "$sealed"; rmdir --ignore-fail-on-non-empty sealed-track' EXIT
mkdir -p sealed-track "$at/out"
value() { node -p "JSON.parse(require('fs').readFileSync(0, 'utf8').trim().split('\n').at(-1)).$1"; }

"${haet[@]}" data make --source synthetic --train-per-class 60 --test-per-class 20 --seed 1 --out "$at/track" >/dev/null
keys="$("${haet[@]}" seal keygen --out "$at/identity.txt" --json 2>/dev/null)"
"${haet[@]}" seal "$at/track" --to "$(value publicKey <<<"$keys")" --out "$at/withheld.age" --public "$sealed" >/dev/null 2>&1

echo "building $image ..."
DOCKER_BUILDKIT=0 docker build --network=host --tag "$image" --build-arg "TRACK=$sealed" \
  --build-arg "COMMIT=$(git rev-parse HEAD)" . >"$at/build.log" 2>&1 || { tail -20 "$at/build.log"; exit 1; }
id="$(docker image inspect --format '{{.Id}}' "$image")"
echo "size: $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB"
started="$(date +%s%N)"
docker run --rm --network none "$image" --version >/dev/null
echo "start to first word: $((($(date +%s%N) - started) / 1000000)) ms"

run=(docker run --rm --network none --memory 4g --memory-swap 4g --pids-limit 2048)
"${run[@]}" "$image" official --budget 10 >"$at/dry" 2>&1 || { cat "$at/dry"; exit 1; }
grep -q 'DRY RUN' "$at/dry" && grep -q 'NOT OFFICIAL' "$at/dry"
echo "without the key: a dry run, unsigned"

official() {
  "${run[@]}" -v "$at/identity.txt:/run/secrets/identity:ro" -v "$at/out:/out" "${mount[@]}" \
    "$image" official "$@" --budget 20 --image-id "$id" --json 2>"$at/err" || { cat "$at/err"; exit 1; }
}
for entry in plain-shell numpy reference; do
  mount=() words=()
  if [[ $entry != reference ]]; then
    "${haet[@]}" pack "examples/$entry" --out "$at/$entry.tar.gz" >/dev/null
    mount=(-v "$at/$entry.tar.gz:/entry.tar.gz:ro") words=(--entry /entry.tar.gz)
  fi
  record="$(official "${words[@]}")"
  jws="$at/out/$(value runId <<<"$record")/record.jws"
  "${haet[@]}" verify "$jws" --key "$(value verifyKey <<<"$keys")" --sealed "$at/withheld.age" --track "$sealed" >/dev/null
  echo "official: $entry $(value verdict <<<"$record") $(value score.accuracy <<<"$record"), signed and verified"
done
printf 'x' | dd of="$jws" bs=1 seek=500 conv=notrunc status=none
if "${haet[@]}" verify "$jws" --key "$(value verifyKey <<<"$keys")" >/dev/null 2>&1; then
  echo "a changed byte went unseen" >&2
  exit 1
fi
echo "a changed byte is seen"

"${run[@]}" "$image" self-test --sandbox user >"$at/self" 2>&1 || { cat "$at/self"; exit 1; }
grep 'attacks were held' "$at/self"
