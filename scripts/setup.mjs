// Sets up a clone: packages, libtensorflow, the binding between them, the compiled sources. In a package installed from
// the archive it sets up the runtime of the reference submission in the cache (`haet setup`). Needs only Node, python3
// with pip, and a C++ compiler; when nothing has changed it takes a fraction of a second. The check of Node's version
// comes before anything that an old Node cannot parse.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `haet set-up: Node ${process.versions.node} is too old: install Node 24 (20.19 is the oldest that works) and run the command again.\n`,
  );
  process.exit(2);
} else {
  import('./setup/main.mjs').then(({ setUp }) => setUp());
}
