echo weights > "$HAET_OUT_DIR/model"
for device in /dev/nvidiactl /dev/nvidia0 /dev/nvidia-uvm; do
  [ -r "$device" ] && sh -c 'exec 4<> "$1"; while :; do sleep 5; done' "$HAET_RUN_ID" "$device" &
done
sleep 1
