#!/usr/bin/env bash
# Builds the image around a sealed Track of drawn signs and uses it as docs/official.md says: a dry run without the
# key, an official run of entries in shell, in Python and of the reference submission, each scored and signed by a
# second container, each record verified, a changed byte detected; a Track with unencrypted labels and an identity
# beside an entry are refused; the honest entries and the self-test run inside it. Prints the image's size and its
# start-up time.
# Needs a Docker engine and the two base images (standInBases.sh makes them where they cannot be pulled).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

image="${HAET_IMAGE_NAME:-haet-check}"
haet=(node cli/bin.mjs)
say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }
at="$(mktemp -d)"
sealed="sealed-track/check-$$" # inside the build context, and ignored by git
outside=""
trap 'kill "$outside" 2>/dev/null || true; rm -rf "$at" "$sealed"; rmdir --ignore-fail-on-non-empty sealed-track' EXIT
mkdir -p sealed-track "$at/out" "$at/dry-out"
# The verdicts that honest entries get outside. This mostly waits, as the build does.
honest=test/evaluator/sandbox/honest
node "$honest/printVerdicts.mjs" . process >"$at/outside" &
outside=$!
value() { node -p "JSON.parse(require('fs').readFileSync(0, 'utf8').trim().split('\n').at(-1)).$1"; }

"${haet[@]}" data make --source synthetic --train-per-class 60 --test-per-class 20 --seed 1 --out "$at/track" >/dev/null
keys="$("${haet[@]}" seal keygen --out "$at/identity.txt" --images-out "$at/images-key.txt" --json 2>/dev/null)"
"${haet[@]}" seal "$at/track" --to "$(value publicKey <<<"$keys")" --images-to "$(value imagesPublicKey <<<"$keys")" \
  --out "$at/withheld.age" --public "$sealed" >/dev/null 2>&1

say "building $image ..."
DOCKER_BUILDKIT=0 docker build --network=host --tag "$image" --build-arg "TRACK=$sealed" \
  --build-arg "COMMIT=$(git rev-parse HEAD)" . >"$at/build.log" 2>&1 || { tail -20 "$at/build.log"; exit 1; }
cp -r "$at/track" "$sealed/open"
if DOCKER_BUILDKIT=0 docker build --network=host --tag "$image-refused" --build-arg "TRACK=$sealed/open" . >"$at/build.log" 2>&1; then
  echo "an image was built with unencrypted labels" >&2
  exit 1
fi
refused="$(grep 'is not part of a sealed Track' "$at/build.log")"
say "$refused"
rm -r "$sealed/open"
id="$(docker image inspect --format '{{.Id}}' "$image")"
say "size: $(($(docker image inspect --format '{{.Size}}' "$image") / 1000000)) MB"
started="$(date +%s%N)"
docker run --rm --network none "$image" --version >/dev/null
say "start to first word: $((($(date +%s%N) - started) / 1000000)) ms"

run=(docker run --rm --network none --read-only --tmpfs "/tmp:exec,size=1g" --shm-size 1g
  --cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --cap-add KILL
  --cap-add SETGID --cap-add SETPCAP --cap-add SETUID --security-opt no-new-privileges
  --cpuset-cpus 0-1 --memory 4g --memory-swap 4g --pids-limit 2048)
score=(docker run --rm --network none --read-only --cap-drop ALL --cap-add DAC_OVERRIDE --security-opt no-new-privileges)
if "${run[@]}" "$image" official --budget 10 >"$at/dry" 2>&1; then
  echo "a run was made without an output folder" >&2
  exit 1
fi
grep -q -e '-v ./out:/out' "$at/dry"
say "without an output folder: refused"
"${haet[@]}" pack examples/shell --out "$at/shell.tar.gz" >/dev/null
"${run[@]}" -v "$at/dry-out:/out" -v "$at/shell.tar.gz:/entry.tar.gz:ro" "$image" official --entry /entry.tar.gz \
  --budget 20 >"$at/dry" 2>&1 || { cat "$at/dry"; exit 1; }
grep -q 'DRY RUN' "$at/dry" && grep -q 'NOT OFFICIAL' "$at/dry"
say "without the key: a dry run, unsigned"

official() {
  "${run[@]}" -v "$at/images-key.txt:/run/secrets/images-key:ro" -v "$at/out:/out" "${mount[@]}" \
    "$image" official "$@" --budget "$budget" --image-id "$id" --json 2>"$at/err" || { cat "$at/err"; exit 1; }
}
score() {
  "${score[@]}" -v "$at/identity.txt:/run/secrets/identity:ro" -v "$at/out:/out" "$image" score "/out/$1" --json \
    2>"$at/err" || { cat "$at/err"; exit 1; }
}
if "${run[@]}" -v "$at/identity.txt:/run/secrets/identity:ro" -v "$at/images-key.txt:/run/secrets/images-key:ro" \
  "$image" official --budget 5 >"$at/beside" 2>&1; then
  echo "an official run was made beside the identity" >&2
  exit 1
fi
grep -q 'must not be where an entry runs' "$at/beside"
say "the identity beside an entry: refused"
# A competitor's run whose evaluator was killed in the middle.
mkdir -p "$at/out/unfinished/model"
echo secret >"$at/out/unfinished/model/weights"
chmod -R a+rX "$at/out/unfinished"
# An entry that searches for things it must not have and logs what it finds. /out contains three runs and the unfinished
# one by then; it also logs how many folders it saw there, to prove that it did search.
cp -r examples/shell "$at/thief"
cat >>"$at/thief/train.sh" <<'THIEF'
note() { echo "ESCAPED $1"; }
run="$(dirname "$HAET_OUT_DIR")"
for secret in /run/secrets/identity /run/secrets/images-key /proc/1/environ /proc/1/mem; do head -c 1 "$secret" >/dev/null 2>&1 && note "read $secret"; done
for process in /proc/[0-9]*; do
  [ "$(stat -c %u "$process" 2>/dev/null)" = 0 ] && kill -s STOP "${process#/proc/}" 2>/dev/null && note "stopped $process"
done
find / /out -xdev -writable ! -type l ! -path "/proc/*" ! -path "/dev*" ! -path "/tmp*" ! -path "/var/tmp*" ! -path "/run/lock*" \
  ! -path "$HAET_OUT_DIR*" ! -path "$HAET_WORK_DIR*" 2>/dev/null | while read -r path; do note "may write $path"; done
find /out -mindepth 1 ! -path "$run" ! -path "$run/*" \( -readable -o -executable \) 2>/dev/null |
  while read -r path; do note "may look into $path of another run"; done
find / -name 'images.npy' ! -path "$HAET_TRAIN_DIR/*" -readable 2>/dev/null | while read -r path; do note "may read $path in training"; done
touch /opt/haet/written 2>/dev/null && note "may write to the image"
grep -q '^CapBnd:[[:space:]]*0*$' /proc/self/status || note "may gain capabilities"
grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/self/status || note "may gain privileges"
[ "$(ls /sys/class/net)" = lo ] || note "has a network"
id -un >/dev/null && getent hosts localhost "$(hostname)" >/dev/null && echo "named"
echo "looked among $(ls /out | wc -l) folders"
THIEF
# The test images are open now; their labels must not be beside them or anywhere else.
cat >>"$at/thief/predict.sh" <<'THIEF'
find / -name '*labels*.npy' ! -path '/track/train/*' -readable 2>/dev/null | sed 's/^/ESCAPED may read /'
echo looked
THIEF

for entry in shell numpy reference thief; do
  mount=() words=() budget=30 # the reference submission uses all of it, and takes 10 s to start while the tests run
  if [[ $entry != reference ]]; then
    folder="examples/$entry"
    [[ $entry == thief ]] && folder="$at/thief"
    [[ -f "$at/$entry.tar.gz" ]] || "${haet[@]}" pack "$folder" --out "$at/$entry.tar.gz" >/dev/null
    mount=(-v "$at/$entry.tar.gz:/entry.tar.gz:ro") words=(--entry /entry.tar.gz)
  fi
  record="$(official "${words[@]}")"
  record="$(score "$(value runId <<<"$record")")"
  jws="$at/out/$(value runId <<<"$record")/record.jws"
  "${haet[@]}" verify "$jws" --key "$(value verifyKey <<<"$keys")" --sealed "$at/withheld.age" --track "$sealed" >/dev/null
  if [[ $entry == thief ]]; then
    thief="$at/out/$(value runId <<<"$record")"
    # Its output is pruned; its messages are in the logs.
    logs=("$thief"/{train,predict,predict-again}.stdout.log)
    if grep ESCAPED "${logs[@]}"; then exit 1; fi
    folders="$(sed -n 's/^looked among \([0-9]*\) folders$/\1/p' "$thief/train.stdout.log")"
    if [[ "${folders:-0}" -lt 4 ]] || ! grep -q '^looked$' "$thief/predict.stdout.log"; then
      echo "the searching entry did not search" >&2
      exit 1
    fi
    if ! grep -q '^named$' "$thief/train.stdout.log"; then
      echo "the entry's user, localhost or the host's own name has no entry in the image" >&2
      exit 1
    fi
    say "official: an entry that searched for the key, the test images, the labels, earlier runs, a network and a writable folder found none"
    continue
  fi
  say "official: $entry $(value verdict <<<"$record") $(value score.accuracy <<<"$record"), signed and verified"
done
other=A # differs from the byte that is there, in base64
if [[ "$(dd if="$jws" bs=1 skip=500 count=1 status=none)" == A ]]; then other=B; fi
printf '%s' "$other" | dd of="$jws" bs=1 seek=500 conv=notrunc status=none
if "${haet[@]}" verify "$jws" --key "$(value verifyKey <<<"$keys")" >/dev/null 2>&1; then
  echo "a changed byte was not detected" >&2
  exit 1
fi
say "a changed byte is detected"

# Honest entries get the verdict and the evidence that they get outside.
wait "$outside" || { cat "$at/outside"; exit 1; }
outside=""
"${run[@]}" -v "$PWD/$honest:/honest:ro" --entrypoint tini "$image" -- node /honest/printVerdicts.mjs /opt/haet user \
  >"$at/inside" || { cat "$at/inside"; exit 1; }
diff "$at/outside" "$at/inside"
say "$(wc -l <"$at/inside") honest entries get the same verdict inside"

"${run[@]}" "$image" self-test --sandbox user >"$at/self" 2>&1 || { cat "$at/self"; exit 1; }
held="$(grep 'attacks were stopped' "$at/self")"
say "$held"
