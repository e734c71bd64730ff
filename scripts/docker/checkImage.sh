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
# An entry that looks for what an entry must not have: it says so in a file in its output folder. Three runs lie in
# /out by then; it also says how many folders it saw there, so that a search that found nothing did search.
cp -r examples/plain-shell "$at/thief"
cat >>"$at/thief/train.sh" <<'THIEF'
note() { echo "$1" >>"$HAET_OUT_DIR/escaped"; }
run="$(dirname "$HAET_OUT_DIR")"
for secret in /run/secrets/identity /proc/1/environ /proc/1/mem; do head -c 1 "$secret" >/dev/null 2>&1 && note "read $secret"; done
for process in /proc/[0-9]*; do
  [ "$(stat -c %u "$process" 2>/dev/null)" = 0 ] && kill -s STOP "${process#/proc/}" 2>/dev/null && note "stopped $process"
done
find / /out -xdev -writable ! -type l ! -path "/proc/*" ! -path "/dev*" ! -path "/tmp*" ! -path "/var/tmp*" ! -path "/run/lock*" \
  ! -path "$HAET_OUT_DIR*" ! -path "$HAET_WORK_DIR*" 2>/dev/null | while read -r path; do note "may write $path"; done
find /out -mindepth 1 ! -path "$run" ! -path "$run/*" \( -readable -o -executable \) 2>/dev/null |
  while read -r path; do note "may look into $path of another run"; done
find / -name 'images.npy' ! -path "$HAET_TRAIN_DIR/*" -readable 2>/dev/null | while read -r path; do note "may read $path in training"; done
[ "$(ls /sys/class/net)" = lo ] || note "has a network"
ls /out | wc -l >"$HAET_OUT_DIR/looked"
THIEF
# The test images are open by now; their labels must not lie beside them or anywhere else.
cat >>"$at/thief/predict.sh" <<'THIEF'
find / -name '*labels*.npy' ! -path '/track/train/*' -readable 2>/dev/null >"$HAET_OUT_DIR/labels"
[ -s "$HAET_OUT_DIR/labels" ] && sed 's/^/may read /' "$HAET_OUT_DIR/labels" >"$HAET_OUT_DIR/escaped"
touch "$HAET_OUT_DIR/looked"
THIEF

for entry in plain-shell numpy reference thief; do
  mount=() words=()
  if [[ $entry != reference ]]; then
    folder="examples/$entry"
    [[ $entry == thief ]] && folder="$at/thief"
    "${haet[@]}" pack "$folder" --out "$at/$entry.tar.gz" >/dev/null
    mount=(-v "$at/$entry.tar.gz:/entry.tar.gz:ro") words=(--entry /entry.tar.gz)
  fi
  record="$(official "${words[@]}")"
  jws="$at/out/$(value runId <<<"$record")/record.jws"
  "${haet[@]}" verify "$jws" --key "$(value verifyKey <<<"$keys")" --sealed "$at/withheld.age" --track "$sealed" >/dev/null
  if [[ $entry == thief ]]; then
    thief="$at/out/$(value runId <<<"$record")"
    if [[ -e $thief/model/escaped || -e $thief/predictions/escaped ]]; then
      cat "$thief"/{model,predictions}/escaped 2>/dev/null || true
      exit 1
    fi
    [[ -f $thief/predictions/looked && "$(cat "$thief/model/looked")" -ge 4 ]] || { echo "the thief did not look" >&2; exit 1; }
    echo "official: an entry that looked for the key, the test images, the labels, earlier runs, a network and a place to write found none"
    continue
  fi
  echo "official: $entry $(value verdict <<<"$record") $(value score.accuracy <<<"$record"), signed and verified"
done
other=A # than the byte that is there, one of base64
if [[ "$(dd if="$jws" bs=1 skip=500 count=1 status=none)" == A ]]; then other=B; fi
printf '%s' "$other" | dd of="$jws" bs=1 seek=500 conv=notrunc status=none
if "${haet[@]}" verify "$jws" --key "$(value verifyKey <<<"$keys")" >/dev/null 2>&1; then
  echo "a changed byte went unseen" >&2
  exit 1
fi
echo "a changed byte is seen"

"${run[@]}" "$image" self-test --sandbox user >"$at/self" 2>&1 || { cat "$at/self"; exit 1; }
grep 'attacks were held' "$at/self"
