// Honest entries. Each does one thing that people's programs do. Every sandbox must give each of them the same
// verdict with the same evidence. Plain JavaScript, because they are also run inside the image (printVerdicts.mjs).
/** @import { RunPlan } from '../../../../evaluator/run/runEntry.ts' */
/** @import { VerdictCode } from '../../../../evaluator/run/verdict.ts' */

/**
 * @typedef {object} HonestEntry
 * @property {string} does
 * @property {VerdictCode} gets
 * @property {RegExp} [because] what the evidence must contain
 * @property {string} [train] POSIX shell; by default it writes one file
 * @property {string} [predict] POSIX shell; by default it predicts class 0 for every image
 * @property {Readonly<Record<string, unknown>>} [manifest] fields of haet.json that replace the valid ones
 * @property {Readonly<Record<string, string>>} [files] further files of the entry
 * @property {string} [executable] the one of its files that may be executed
 * @property {RunPlan['limits']} [limits]
 * @property {true} [needsImage] needs what only the image gives the sandbox `user`: a name for the entries' user
 */

export const save = 'echo weights > "$HAET_OUT_DIR/model"';
export const predict = 'cp constant.npy "$HAET_OUT_DIR/predictions.npy"';
/** @param {string} code */
const node = (code) => `node -e '${code}' || exit 9`;

/** @type {readonly HonestEntry[]} */
export const honestEntries = [
  { does: 'nothing unusual', gets: 'SCORED' },
  {
    does: 'asks for the name of its user',
    needsImage: true,
    train: `id -un && id -gn && ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'asks for its user through the C library',
    needsImage: true,
    train: `${node('os.userInfo()')}\n${save}`,
    gets: 'SCORED',
  },
  { does: 'looks up the home of its user', train: `cd ~ && touch here && ${save}`, gets: 'SCORED' },
  {
    does: 'resolves localhost',
    train: `${node('dns.lookup("localhost", (e) => process.exit(e ? 1 : 0))')}\n${save}`,
    gets: 'SCORED',
  },
  {
    does: 'resolves its own host name',
    train: `${node('dns.lookup(os.hostname(), (e) => process.exit(e ? 1 : 0))')}\n${save}`,
    gets: 'SCORED',
  },
  {
    does: 'talks to itself over localhost',
    train: `${node('const s = net.createServer((c) => c.end("x")).listen(0, "localhost", () => net.connect(s.address().port, "localhost").on("data", () => process.exit(0)))')}\n${save}`,
    gets: 'SCORED',
  },
  { does: 'opens /dev/stderr by name', train: `echo words > /dev/stderr && ${save}`, gets: 'SCORED' },
  { does: 'opens /dev/stdout by name', train: `echo words > /dev/stdout && ${save}`, gets: 'SCORED' },
  {
    does: 'copies its output with tee',
    train: `echo words | tee /dev/stderr > /dev/null && ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'opens the descriptor of progress lines by name',
    train: `echo '{"step": 1, "epoch": 1}' > /dev/fd/3 && ${save}`,
    gets: 'SCORED',
  },
  { does: 'reads standard input', train: `cat && ${save}`, gets: 'SCORED' },
  {
    does: 'binds a socket in TMPDIR, with the longest name that Python gives one',
    train: `mkdir "$TMPDIR/pymp-abcdefgh"\n${node('net.createServer().listen(process.env.TMPDIR + "/pymp-abcdefgh/listener-abcdefgh", () => process.exit(0)).on("error", (e) => { console.error(e); process.exit(1) })')}\n${save}`,
    gets: 'SCORED',
  },
  {
    does: 'signals its process group and handles the signal',
    train: `trap : TERM; kill -TERM 0; ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'signals its process group and ignores the signal',
    train: `trap "" TERM; sleep 1000 & ${save}; kill -TERM 0; exit 0`,
    gets: 'SCORED',
  },
  {
    does: 'ends its process group',
    train: `${save}; kill -TERM 0; sleep 5`,
    gets: 'SCORED_SALVAGED',
    because: /^train: ended after .* with exit status 143 \(SIGTERM\)$/,
  },
  { does: 'leaves a process behind that holds its output', train: `sleep 1000 & ${save}`, gets: 'SCORED' },
  {
    does: 'ends shortly before its deadline while another process holds its output',
    train: `sleep 1000 & ${save}; sleep 1`,
    limits: { trainSeconds: 2.5 },
    gets: 'SCORED',
  },
  {
    does: 'ends predict shortly before its deadline while another process holds its output',
    predict: `sleep 1000 & ${predict}; sleep 1`,
    limits: { predictSeconds: 2.5 },
    gets: 'SCORED',
  },
  {
    does: 'runs into its deadline after saving',
    train: `${save}; sleep 1000`,
    limits: { trainSeconds: 2 },
    gets: 'SCORED_SALVAGED',
    because: /^train: was killed at its deadline of 2 s$/,
  },
  {
    does: 'runs into its deadline without saving',
    train: 'sleep 1000',
    limits: { trainSeconds: 1 },
    gets: 'NO_OUTPUT',
    because: /^train: left no file in its output folder$/,
  },
  {
    does: 'removes its output folder and makes it again',
    train: `rm -rf "$HAET_OUT_DIR"; mkdir -p "$HAET_OUT_DIR" && ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'expects to remove its output folder',
    train: `${save}; rm -rf "$HAET_OUT_DIR" || exit 5`,
    gets: 'CRASHED',
    because: /^train: ended .* exit status 5$/,
  },
  {
    does: 'closes its output folder to others',
    train: `${save}; mkdir "$HAET_OUT_DIR/closed"; chmod 000 "$HAET_OUT_DIR/closed" "$HAET_OUT_DIR"`,
    gets: 'SCORED',
  },
  {
    does: 'fills its scratch folder with links',
    train: `ln -s / "$HAET_WORK_DIR/root" && ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'saves its model in subfolders with spaces and umlauts',
    train: 'mkdir -p "$HAET_OUT_DIR/ein Gewicht/ä" && echo w > "$HAET_OUT_DIR/ein Gewicht/ä/1.bin"',
    gets: 'SCORED',
  },
  {
    does: 'saves its model with a mask that hides it',
    train: `umask 077; mkdir "$HAET_OUT_DIR/private"; echo w > "$HAET_OUT_DIR/private/model"`,
    predict: `cat "$HAET_MODEL_DIR/private/model" && ${predict}`,
    gets: 'SCORED',
  },
  {
    does: 'writes into its working folder',
    train: `${save}; echo x > checkpoint || exit 6`,
    gets: 'SCORED_SALVAGED',
    because: /^train: ended .* exit status 6$/,
  },
  {
    does: 'opens the training images for writing',
    train: `${save}; true >> "$HAET_TRAIN_DIR/images.npy" || exit 6`,
    gets: 'SCORED_SALVAGED',
    because: /^train: ended .* exit status 6$/,
  },
  {
    does: 'changes its model in predict',
    predict: `echo x >> "$HAET_MODEL_DIR/model" || exit 6; ${predict}`,
    gets: 'CRASHED',
    because: /^predict: ended .* exit status 6$/,
  },
  {
    does: 'saves links, holes and files with two names',
    train: `set -e; cd "$HAET_OUT_DIR"; echo w > best; ln best last; ln -s best latest; truncate -s 8M hole; fallocate -l 1M full`,
    gets: 'SCORED',
    because: /^train: removed 1 items from its output folder/,
  },
  {
    does: 'uses sessions, terminals, locks, limits and programs that it made',
    train: `set -e
[ "$(umask)" = 0022 ]
setsid -f sleep 1000
script -qec true /dev/null
(: > /dev/tty) 2>/dev/null && exit 3
flock "$HAET_OUT_DIR/lock" true
ulimit -n 4096; ulimit -c 0
timeout 0.1 sleep 5 || [ $? = 124 ]
for at in "$TMPDIR" /tmp "$HAET_OUT_DIR"; do cp /bin/true "$at/program-$$"; "$at/program-$$"; rm "$at/program-$$"; done
${save}`,
    gets: 'SCORED',
  },
  {
    does: 'looks up cores, memory and its own files under /proc and /sys',
    train: `set -e
cat /sys/devices/system/cpu/online /proc/cpuinfo /proc/meminfo /proc/self/status /proc/self/maps /proc/self/mountinfo /proc/stat > /dev/null
nproc; readlink /proc/self/exe; ls /proc/self/task /proc/self/fd > /dev/null
${save}`,
    gets: 'SCORED',
  },
  {
    does: 'waits for changes of its output folder',
    train: `${node('fs.watch(process.env.HAET_OUT_DIR, () => process.exit(0)); setInterval(() => fs.writeFileSync(process.env.HAET_OUT_DIR + "/x", "x"), 50)')}\nrm -f "$HAET_OUT_DIR/x"; ${save}`,
    gets: 'SCORED',
  },
  {
    does: 'writes to /dev/shm and /tmp',
    train: `echo x > /dev/shm/haet-test-$$ && rm /dev/shm/haet-test-$$ && mktemp && ${save}`,
    gets: 'SCORED',
  },
  { does: 'names a program that does not exist', manifest: { train: ['no-such-program'] }, gets: 'CRASHED' },
  {
    does: 'names a script without the permission to execute it',
    manifest: { train: ['./train.sh'] },
    gets: 'CRASHED',
    because: /^train: .* has no permission to execute; run `chmod \+x` on it/,
  },
  {
    does: 'names a script with the line ends of Windows',
    manifest: { train: ['sh', 'windows.sh'] },
    files: { 'windows.sh': 'set -e\r\ncommand-that-is-not-there\r\n' },
    gets: 'CRASHED',
  },
  {
    does: 'names a script whose first line has the line end of Windows',
    manifest: { train: ['./windows'] },
    files: { windows: '#!/bin/sh\r\ntrue\r\n' },
    executable: 'windows',
    gets: 'CRASHED',
  },
  {
    does: 'names a script without a first line',
    manifest: { train: ['./plain'] },
    files: { plain: save },
    executable: 'plain',
    gets: 'SCORED',
  },
  {
    does: 'names a program of the entry without ./',
    manifest: { train: ['train.sh'] },
    gets: 'CRASHED',
    because: /^train: "train\.sh" is a file of the entry, but is looked up on PATH; write "\.\/train\.sh"$/,
  },
  { does: 'fails after saving', train: `${save}; exit 3`, gets: 'SCORED_SALVAGED', because: /exit status 3/ },
  { does: 'fails before saving', train: 'exit 3', gets: 'CRASHED', because: /exit status 3/ },
  {
    does: 'ends itself by a signal',
    train: `${save}; kill -KILL $$`,
    gets: 'SCORED_SALVAGED',
    because: /^train: ended after .* with exit status 137 \(SIGKILL\)$/,
  },
  {
    does: 'fails in predict',
    predict: 'exit 4',
    gets: 'CRASHED',
    because: /^predict: ended .* exit status 4$/,
  },
  {
    does: 'writes its predictions, then fails',
    predict: `${predict}; exit 1`,
    gets: 'CRASHED',
    because: /^predict: ended .* exit status 1$/,
  },
  { does: 'predicts nothing', predict: 'true', gets: 'NO_OUTPUT' },
  {
    does: 'writes its predictions into the working folder',
    predict: 'cp constant.npy "$HAET_WORK_DIR/predictions.npy"',
    gets: 'NO_OUTPUT',
  },
  {
    does: 'writes its predictions under another name',
    predict: 'cp constant.npy "$HAET_OUT_DIR/prediction.npy"',
    gets: 'NO_OUTPUT',
  },
  {
    does: 'writes text for predictions',
    predict: 'echo 1,2,3 > "$HAET_OUT_DIR/predictions.npy"',
    gets: 'INVALID_OUTPUT',
  },
  {
    does: 'makes a folder called predictions.npy',
    predict: 'mkdir "$HAET_OUT_DIR/predictions.npy"',
    gets: 'INVALID_OUTPUT',
  },
  {
    does: 'ends predict by a fault',
    predict: `${predict}; kill -SEGV $$`,
    gets: 'CRASHED',
    because: /^predict: ended after .* with exit status 139 \(SIGSEGV\)$/,
  },
  {
    does: 'closes its predictions to everybody',
    predict: `${predict}; chmod 000 "$HAET_OUT_DIR/predictions.npy"`,
    gets: 'SCORED',
  },
  {
    does: 'links its predictions',
    predict: `cp constant.npy "$HAET_WORK_DIR/p.npy"; ln -s "$HAET_WORK_DIR/p.npy" "$HAET_OUT_DIR/predictions.npy"`,
    gets: 'INVALID_OUTPUT',
  },
  {
    does: 'hangs in predict after writing',
    predict: `${predict}; sleep 1000`,
    limits: { predictSeconds: 2 },
    gets: 'PREDICT_TIMEOUT',
    because: /^predict: was killed at its deadline of 2 s$/,
  },
  { does: 'writes without an end', train: `head -c 20000000 /dev/zero; ${save}`, gets: 'SCORED' },
];
