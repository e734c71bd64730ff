# A real fork bomb never ends; this one stops at 4,000 processes, which end after 20 s.
bomb() {
  if [ "$1" -gt 0 ]; then
    bomb $(($1 - 1)) &
    bomb $(($1 - 1)) &
  fi
  exec sleep 20
}
bomb 10 &
i=0
while [ "$i" -lt 2000 ]; do # a shell that cannot fork fails here
  sleep 20 &
  i=$((i + 1))
done
echo "4,000 processes were started" > "$HAET_OUT_DIR/escaped"
