# Fails without the model.
read -r model < "$HAET_MODEL_DIR/model" || exit 1
[ "$model" = weights ] || exit 1
sh constant.sh > "$HAET_OUT_DIR/predictions.npy"
