echo weights > "$HAET_OUT_DIR/model"
echo old > "$HAET_OUT_DIR/old"
touch -d '2199-01-01 00:00' "$HAET_OUT_DIR/model" "$HAET_OUT_DIR"
touch -d '1970-01-01 00:00' "$HAET_OUT_DIR/old"
