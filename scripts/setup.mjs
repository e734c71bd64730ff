// Makes a clone ready to run: packages, libtensorflow, the binding between them, the compiled sources.
// Needs nothing but Node, python3 with pip, and a C++ compiler; running it again costs a fraction of a second.
// The check of Node's version comes before anything that an old Node could not even parse.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 9)) {
  process.stderr.write(
    `haet set-up: Node ${process.versions.node} is too old: install Node 24 (20.9 is the oldest that works) and run this again.\n`,
  );
  process.exit(2);
} else {
  import('./setup/main.mjs').then(({ setUp }) => setUp());
}
