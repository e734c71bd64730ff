# To what it says already, so that nothing comes of it where it may.
echo weights > "$HAET_OUT_DIR/model"
if date -s "@$(date +%s)" > /dev/null 2> "$HAET_WORK_DIR/refusal"; then
  echo 'set the clock' > "$HAET_OUT_DIR/escaped"
else
  head -n 1 "$HAET_WORK_DIR/refusal" > "$HAET_OUT_DIR/tried"
fi
