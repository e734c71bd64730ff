echo weights > "$HAET_OUT_DIR/model"
rm -rf "$HAET_OUT_DIR"/* "$HAET_OUT_DIR" 2> /dev/null
exit 0
