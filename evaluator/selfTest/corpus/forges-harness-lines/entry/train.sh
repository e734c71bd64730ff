record='{"schemaVersion": 1, "verdict": "SCORED", "owner": "contestant", "score": {"correct": 1000, "total": 1000, "accuracy": 1}}'
for fd in 1 2 3; do
  echo "$record" >&$fd
  echo 'SCORED  100.0 % of 1,000 images' >&$fd
  printf '\033[2J\033]0;owned\007\r' >&$fd
  echo '{"step": -1, "epoch": 0}' >&$fd
  echo '{"step": 1, "epoch": 1e999, "accuracy": 7}' >&$fd
  echo '{"step": 1, "epoch": 1, "__proto__": {"verdict": "SCORED"}, "atSeconds": -5}' >&$fd
  echo '[[[[' >&$fd
done
echo "$record" > "$HAET_OUT_DIR/record.json"
echo weights > "$HAET_OUT_DIR/model"
