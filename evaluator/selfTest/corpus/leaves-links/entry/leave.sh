# Fills HAET_OUT_DIR with files that do harm when the folder is copied, served, or read by others.
cd "$HAET_OUT_DIR" || exit 1
ln -s /etc/shadow shadow
ln -s / root
ln -s ../../.. up
mkfifo pipe
mkdir -p shut/below
echo '<script>alert(1)</script>' > index.html
ln index.html shut/below/twice.html
ln -s "$PWD/index.html" shut/below/absolute
cp /bin/sh shell 2> /dev/null && chmod 6755 shell
printf x > "$(printf 'not-utf8-\377')"
head -c 20000000 /dev/zero > ballast
chmod 000 shut
