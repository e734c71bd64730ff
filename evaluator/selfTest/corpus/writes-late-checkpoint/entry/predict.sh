sleep 2.5 # longer than the other process waits
read -r model < "$HAET_MODEL_DIR/model"
[ "$model" = weights ] || echo "the checkpoint is a later one: $model" > "$HAET_OUT_DIR/escaped"
sh constant.sh > "$HAET_OUT_DIR/predictions.npy"
