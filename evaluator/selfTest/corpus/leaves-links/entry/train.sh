sh leave.sh
echo weights > "$HAET_OUT_DIR/model"
