# Learns nothing, and looks for files left by earlier entries.
for place in /tmp /var/tmp /dev/shm /run "$HOME" "$TMPDIR" /; do
  for trace in "$place"/haet-escape*; do
    if [ -e "$trace" ] || [ -L "$trace" ]; then echo "found $trace" >> "$HAET_OUT_DIR/escaped"; fi
  done
done
for folder in "$HAET_WORK_DIR" "$HAET_OUT_DIR"; do
  for file in "$folder"/*; do
    if [ -e "$file" ] && [ "$file" != "$HAET_OUT_DIR/escaped" ]; then
      echo "was not empty at the start: $file" >> "$HAET_OUT_DIR/escaped"
    fi
  done
done
echo '{"step": 1, "epoch": 1}' >&3
echo weights > "$HAET_OUT_DIR/model"
