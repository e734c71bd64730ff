echo weights > "$HAET_OUT_DIR/model"
try() {
  what=$1
  shift
  if "$@" > /dev/null 2>&1; then echo "$what" >> "$HAET_OUT_DIR/escaped"; else echo "$what: refused" >> "$HAET_OUT_DIR/tried"; fi
}
try 'made the device of all memory' mknod "$HAET_WORK_DIR/memory" c 1 1
try 'made the device of a disk' mknod "$HAET_WORK_DIR/disk" b 8 0
touch "$HAET_WORK_DIR/file"
try 'gave a file to another user' chown 12345 "$HAET_WORK_DIR/file"
try 'changed its root' chroot / true
try 'may change what the kernel does at a crash' test -w /proc/sys/kernel/core_pattern
try 'may stop the machine' test -w /proc/sysrq-trigger
