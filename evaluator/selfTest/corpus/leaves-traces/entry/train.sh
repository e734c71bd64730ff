echo weights > "$HAET_OUT_DIR/model"
exec node leave.mjs
