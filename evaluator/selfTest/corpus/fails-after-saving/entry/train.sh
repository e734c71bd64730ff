echo weights > "$HAET_OUT_DIR/model"
exit 1
