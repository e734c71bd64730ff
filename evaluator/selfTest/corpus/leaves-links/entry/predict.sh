for kept in shadow root up pipe shut/below/absolute; do
  if [ -e "$HAET_MODEL_DIR/$kept" ] || [ -L "$HAET_MODEL_DIR/$kept" ]; then
    echo "$kept came through to predict" >> "$HAET_OUT_DIR/escaped"
  fi
done
sh leave.sh
sh constant.sh > "$HAET_OUT_DIR/predictions.npy"
