echo weights > "$HAET_OUT_DIR/model"
i=0
while [ "$i" -lt 150 ]; do
  yes '' >&3 &
  i=$((i + 1))
done
wait
