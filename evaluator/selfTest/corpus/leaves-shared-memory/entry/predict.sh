# Writes no predictions if anything of the train stage is left.
while read -r kind id; do
  while read -r _ there _; do
    if [ "$there" = "$id" ]; then echo "$kind $id is still there" >> "$HAET_OUT_DIR/escaped"; fi
  done < "/proc/sysvipc/$kind"
done < "$HAET_MODEL_DIR/left"
if [ -e /dev/mqueue/haet-escape-queue ]; then echo "the queue is still there" >> "$HAET_OUT_DIR/escaped"; fi
[ ! -e "$HAET_OUT_DIR/escaped" ] || exit 1
sh constant.sh > "$HAET_OUT_DIR/predictions.npy"
