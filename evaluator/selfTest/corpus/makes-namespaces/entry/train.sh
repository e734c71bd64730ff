echo weights > "$HAET_OUT_DIR/model"
try() {
  what=$1
  shift
  if "$@" > /dev/null 2>&1; then echo "$what" >> "$HAET_OUT_DIR/escaped"; else echo "$what: refused" >> "$HAET_OUT_DIR/tried"; fi
}
try 'became root of a user namespace' unshare --user --map-root-user true
try 'made a user namespace' unshare --user true
try 'made a mount namespace' unshare --mount true
try 'made a network namespace' unshare --net true
try 'made a network namespace in a user namespace' unshare --user --net true
try 'entered the namespaces of the first process' nsenter --target 1 --mount --net true
try 'mounted a file system' mount -t tmpfs tmpfs "$HAET_WORK_DIR"
