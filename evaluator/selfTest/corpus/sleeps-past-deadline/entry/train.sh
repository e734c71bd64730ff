sleep 60
echo weights > "$HAET_OUT_DIR/model"
