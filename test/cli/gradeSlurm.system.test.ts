import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { formatNpy } from '../../datasets/npy.ts';
import { makeLabelsKey } from '../../datasets/sealing/labelsKey.ts';
import type { Standing } from '../../evaluator/grade/standing.ts';
import { packEntry } from '../../evaluator/intake/packEntry.ts';
import type { RunRecord } from '../../evaluator/run/record.ts';
import {
  describeWith,
  type EntryScripts,
  makeEntry,
  makeTinyTrack,
  predictsByImage,
  temporaryFolder,
} from '../evaluator/fixtures.ts';
import { sealedTiny } from '../evaluator/sealedTiny.ts';
import { findReadable } from '../evaluator/slurm/findReadable.ts';
import { describeWithSlurm, type SlurmCluster, startCluster, until } from '../slurmCluster.ts';

const haet = resolve('cli/bin.mjs');
const inBubblewrap = await describeWith('bubblewrap');
/** predictions.npy with the label of each image of the tiny Track: 0, 1, ... 9, 0, ... */
function rightPredictions(): Uint8Array {
  const scores = new Float32Array(10_000);
  for (let row = 0; row < 1000; row++) scores[row * 10 + (row % 10)] = 1;
  return formatNpy('float32', scores, [1000, 10]);
}
/** Returns the environment of a process; nothing if it has ended. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

/** Returns the secret key in a file of `haet seal keygen`. */
const keyIn = (path: string) => /^AGE-SECRET-KEY-1\S+$/m.exec(readFileSync(path, 'utf8'))![0];

describeWithSlurm('haet grade --executor slurm', () => {
  let cluster: SlurmCluster;
  /** Seen by all nodes but `blind`. */
  let shared: string;
  let trackDir: string;
  let archives: string;
  let out: string;
  beforeAll(async () => {
    shared = await temporaryFolder();
    trackDir = (await makeTinyTrack(shared)).dir;
    cluster = await startCluster(['n1', 'n2'], { blind: { blindFor: shared }, spy: { spies: true } });
  }, 240_000);
  afterAll(() => cluster?.stop(), 90_000);
  beforeEach(async () => {
    const place = await mkdtemp(join(shared, 'grading-'));
    archives = join(place, 'archives');
    out = join(place, 'out');
    await mkdir(archives);
  });

  const put = async (name: string, scripts: EntryScripts = {}) =>
    packEntry(await makeEntry(shared, { ...scripts, manifest: { name } }), join(archives, `${name}.tar.gz`));

  interface Started {
    readonly child: ChildProcess;
    readonly ended: Promise<{ code: number | null; standing: Standing; stderr: string }>;
  }
  function start(words: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
    const given = ['--executor', 'slurm', '--out', out, '--budget', '60', '--json'];
    const quiet = ['--wait-for-quiet', '0', '--most-disturbance', '100'];
    const child = spawn(process.execPath, [haet, 'grade', archives, ...given, ...quiet, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...cluster.env, ...env },
    });
    const said = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]!.on('data', (chunk) => {
        said[stream] += chunk;
      });
    }
    const ended = new Promise<Awaited<Started['ended']>>((done) => {
      child.once('close', (code) => {
        const last = said.stdout.trim().split('\n').at(-1) ?? '';
        done({ code, standing: last === '' ? null : JSON.parse(last), stderr: said.stderr });
      });
    });
    return { child, ended };
  }
  /** Runs `haet` and returns its standard output. */
  const say = async (...words: string[]) =>
    (await execa(process.execPath, [haet, ...words], { env: { NODE_OPTIONS: '' } })).stdout;
  const onOpenTrack = () => ['--track', trackDir, '--trusted'];
  const grade = (...words: string[]) => start([...onOpenTrack(), ...words]).ended;

  const attemptsOf = (folder = out) =>
    readdirSync(join(folder, 'runs')).flatMap((job) =>
      readdirSync(join(folder, 'runs', job)).map((attempt) => join(folder, 'runs', job, attempt)),
    );
  /** Without those of canaries. */
  const runsOf = () => attemptsOf().filter((attempt) => !attempt.includes('/canary-'));
  const recordsOf = (attempts = attemptsOf()): RunRecord[] =>
    attempts
      .map((attempt) => JSON.parse(readFileSync(join(attempt, 'record.json'), 'utf8')))
      .sort((a, b) => a.attempt - b.attempt);
  const verdictOf = ({ verdict, score }: RunRecord) => [verdict, score?.correct];
  const stagesIn = (attempts: readonly string[]) =>
    attempts.map((attempt) => {
      try {
        return JSON.parse(readFileSync(join(attempt, 'status.json'), 'utf8')).stage;
      } catch {
        return null; // it has not started or has ended
      }
    });

  test('one array job runs all on two nodes; a second call takes up what the first left, and a third runs nothing', async () => {
    for (const name of ['a', 'b']) await put(name);
    const detached = await grade('--detach');
    expect(detached.stderr).toMatch(/2 runs have no result yet, and go on in Slurm \(job \d+\)/);
    expect(detached.code).toBe(0);
    const { code, standing, stderr } = await grade();
    expect({ code, stderr, done: standing.runs.done }).toMatchObject({ code: 0, done: 2 });
    expect(recordsOf().map(verdictOf)).toEqual([0, 1].map(() => ['SCORED', 100]));
    expect(readdirSync(join(out, 'slurm'))).toHaveLength(1);
    const nodes = recordsOf().map(({ evidence }) => /ran on node (\w+)/.exec(evidence.join())?.[1]);
    expect(new Set(nodes)).toEqual(new Set(['n1', 'n2']));
    expect((await grade()).stderr.match(/\(earlier\)/g)).toHaveLength(2);
    expect(attemptsOf()).toHaveLength(2);
  }, 240_000);

  /** An entry whose first run does not end before it is let go; every run adds a line to a file. */
  const slowOnce = (place: string, name: string): EntryScripts => ({
    train: `echo x >> ${place}/${name}
[ $(wc -l < ${place}/${name}) -gt 1 ] || until [ -e ${place}/go-on ]; do sleep 0.2; done
echo weights > "$HAET_OUT_DIR/model"`,
  });

  /** Whether the first run of such an entry has added its line; its stage begins earlier. */
  const hasBegun = (place: string, name: string) => () =>
    existsSync(join(place, name)) && readFileSync(join(place, name), 'utf8') !== '';

  test('a killed coordinator changes nothing; an attempt whose task is killed is void, with Slurm’s words, and run again', async () => {
    const place = await mkdtemp(join(shared, 'counts-'));
    await put('slow', slowOnce(place, 'slow'));
    const first = start(onOpenTrack());
    await until('the entry trains', hasBegun(place, 'slow'));
    first.child.kill('SIGKILL');
    await first.ended;
    const second = start(onOpenTrack());
    for (const pid of cluster.processesWith('node-task')) process.kill(pid, 'SIGKILL');
    const { code, stderr } = await second.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(recordsOf().map(verdictOf)).toEqual([
      ['INFRA_FAULT', undefined],
      ['SCORED', 100],
    ]);
    expect(recordsOf()[0]!.evidence[0]).toMatch(
      /^the attempt left no result; Slurm says: job \d+_0 on n[12]: JobState=FAILED Reason=\S+ ExitCode=/,
    );
    expect(readFileSync(join(place, 'slow'), 'utf8')).toBe('x\nx\n');
  }, 240_000);

  test('an attempt whose node fails is void and run on another; what the lost task does later does not count', async () => {
    const place = await mkdtemp(join(shared, 'counts-'));
    await put('slow', slowOnce(place, 'slow'));
    const grading = start(onOpenTrack());
    await until('the entry trains', hasBegun(place, 'slow'));
    const node = cluster.run('squeue', '--noheader', '--states=running', '--format=%N');
    cluster.killNode(node, 'SIGKILL');
    cluster.run('scontrol', 'update', `NodeName=${node}`, 'State=DOWN', 'Reason=killed');
    await until('the attempt is void', () => existsSync(join(attemptsOf()[0]!, 'record.json')));
    await writeFile(join(place, 'go-on'), '');
    const { code, stderr } = await grading.ended;
    await until('the lost task ends', () => cluster.processesWith('node-task').length === 0);
    cluster.startNode(node);
    // ReturnToService is 2: a node that is down comes back when its daemon registers.
    await until(
      'the node is back',
      () =>
        cluster.run('sinfo', '--noheader', '--Node', `--nodes=${node}`, '--format=%T').split('\n')[0] ===
        'idle',
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const [lost, repeat] = recordsOf();
    expect([lost, repeat].map((record) => verdictOf(record!))).toEqual([
      ['INFRA_FAULT', undefined],
      ['SCORED', 100],
    ]);
    expect(lost!.evidence[0]).toContain(`on ${node}: JobState=NODE_FAIL`);
    expect(repeat!.evidence.join()).toContain(`ran on node ${node === 'n1' ? 'n2' : 'n1'}`);
    const late = attemptsOf().flatMap((attempt) =>
      readdirSync(attempt)
        .filter((name) => /^(result|superseded)/.test(name))
        .map((name) => join(attempt, name)),
    );
    expect(late).toEqual([expect.stringMatching(/attempt-1\/superseded-\d+_0$/)]);
    const again = await grade();
    expect(again.stderr).toContain(`${late[0]}: superseded; it came back when its attempt had been decided`);
    expect(again.standing.runs).toEqual({ wanted: 1, done: 1 });
  }, 240_000);

  test('a study runs its arms on the nodes, each with its words, and takes up what an earlier call left', async () => {
    const place = await mkdtemp(join(shared, 'study-'));
    const scripts = { train: '[ "$1" != fail ] && echo weights > "$HAET_OUT_DIR/model"' };
    const archive = join(place, 'entry.tar.gz');
    await packEntry(await makeEntry(shared, scripts), archive);
    const spec = join(place, 'study.yaml');
    await writeFile(
      spec,
      JSON.stringify({
        ...{ schemaVersion: 1, name: 'On nodes', samples: 1, seeds: 2, baseline: 'works' },
        data: { source: 'synthetic', trainPerClass: 1, heldOutPerClass: 100 },
        budget: { words: [], limitSeconds: 60 },
        arms: { works: '', fails: 'fail' },
      }),
    );
    const study = (...words: string[]) => {
      const given = ['--entry', archive, '--out', join(place, 'out'), '--executor', 'slurm', ...words];
      const options = { env: cluster.env, reject: false };
      return execa(process.execPath, [haet, 'study', spec, ...given], options);
    };
    const terms = ['--cpus', '1', '--memory', String(2 ** 30)];
    expect(await study()).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--cpus: is missing'),
    });
    const detached = await study(...terms, '--detach');
    expect(detached).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/go on in Slurm \(job \d+\)/),
    });
    const { exitCode, stdout, stderr } = await study(...terms, '--json');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.anything() });
    expect(JSON.parse(stdout.split('\n').at(-1)!)).toMatchObject({
      isComplete: true,
      arms: [
        { arm: 'works', accuracy: { n: 2, mean: 0.1 }, faults: {} },
        { arm: 'fails', accuracy: null, faults: { CRASHED: 2 } },
      ],
    });
    const runs = join(place, 'out/runs');
    const attempts = readdirSync(runs).flatMap((job) =>
      readdirSync(join(runs, job)).map((name) => join(runs, job, name)),
    );
    expect(attempts).toHaveLength(4);
    const stagesOf = attempts.map((attempt) => {
      const { stages }: RunRecord = JSON.parse(readFileSync(join(attempt, 'record.json'), 'utf8'));
      return stages.length;
    });
    // Train only where it fails; predict twice in the first run of the arm that works, once in the other.
    expect(stagesOf.sort()).toEqual([1, 1, 2, 3]);
    expect((await study(...terms)).stderr.match(/\(earlier\)/g)).toHaveLength(4);
  }, 240_000);

  test('--cancel ends what Slurm holds, and such an attempt uses up no retry', async () => {
    const place = await mkdtemp(join(shared, 'counts-'));
    await put('slow', slowOnce(place, 'slow'));
    await grade('--detach');
    await until('the entry trains', hasBegun(place, 'slow'));
    const cancelled = await grade('--cancel');
    expect(cancelled).toMatchObject({ code: 0, stderr: 'Stopped 1 runs that were given to Slurm.\n' });
    await until('the task ends', () => cluster.processesWith('node-task').length === 0);
    expect(recordsOf().map(verdictOf)).toEqual([['ABORTED', undefined]]);
    const { standing } = await grade('--retries', '0');
    expect(standing.runs).toEqual({ wanted: 1, done: 1 });
  }, 240_000);

  test('where no node is fit, the call ends with the reason, and the attempt is still there for the next', async () => {
    await put('a');
    const { code, stderr } = await grade('--slurm-option', '--partition=only-blind');
    expect(stderr).toMatch(/Slurm refused the job: .* Nodes that are left out: blind \(it does not see /);
    expect(code).toBe(2);
    expect((await grade()).standing.rows[0]).toMatchObject({ rank: 1, repeats: [] });
    expect(attemptsOf().map((attempt) => basename(attempt))).toEqual(['attempt-1']);
  }, 240_000);

  test('--constraint keeps all runs on one kind of node', async () => {
    const setFeatures = (features: string) =>
      cluster.run(
        'scontrol',
        'update',
        'NodeName=n2',
        `AvailableFeatures=${features}`,
        `ActiveFeatures=${features}`,
      );
    for (const name of ['a', 'b']) await put(name);
    setFeatures('epyc');
    const { code, stderr } = await grade('--slurm-option', '--constraint=epyc').finally(() =>
      setFeatures(''),
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(recordsOf().map(({ evidence }) => /ran on node (\w+)/.exec(evidence.join())?.[1])).toEqual([
      'n2',
      'n2',
    ]);
  }, 240_000);

  describe('with a canary', () => {
    /** Files that make the canary go wrong while they are there. */
    let place: string;
    let canary: readonly string[];
    beforeEach(async () => {
      place = await mkdtemp(join(shared, 'canary-'));
      const right = await predictsByImage(trackDir, rightPredictions());
      const entry = await makeEntry(shared, {
        // So many epochs that no machine is slow, or one.
        train: `echo weights > "$HAET_OUT_DIR/model"
[ -e ${place}/slow ] && epochs=1 || epochs=1000000000
[ ! -e ${place}/wrong ] || touch "$HAET_OUT_DIR/wrong"
echo "{\\"step\\": 1, \\"epoch\\": $epochs}" >&3`,
        predict: `[ -e "$HAET_MODEL_DIR/wrong" ] || exec cp constant.npy "$HAET_OUT_DIR/predictions.npy"
${right.predict}`,
        files: right.files!,
      });
      await packEntry(entry, join(place, 'known.tar.gz'));
      canary = [
        ...['--canary', join(place, 'known.tar.gz'), '--canary-every', '1'],
        ...['--canary-accuracy', '5..15', '--canary-images-per-second', '1000000..'],
      ];
    });
    /** Makes a scontrol that does something else when a node is to be changed; `$real` is the real one. */
    async function scontrolThat(does: string): Promise<{ PATH: string }> {
      const bin = join(place, 'bin');
      await mkdir(bin);
      const real = (await execa('which', ['scontrol'], { env: cluster.env })).stdout;
      const script = `#!/bin/sh
real=${real}
case "$2" in NodeName=*) ${does}; esac
exec "$real" "$@"
`;
      await writeFile(join(bin, 'scontrol'), script, { mode: 0o755 });
      return { PATH: `${bin}:${cluster.env.PATH}` };
    }
    const setState = (node: string, state: string) => {
      const reason = state === 'DRAIN' ? ['Reason=test'] : [];
      return execa('scontrol', ['update', `NodeName=${node}`, `State=${state}`, ...reason], {
        env: cluster.env,
      });
    };
    const reasonOf = (node: string) =>
      cluster.run('sinfo', '--noheader', `--nodes=${node}`, '--format=%T %E').split('\n')[0];
    const resultsOf = ({ rows }: Standing) =>
      rows.map(({ archive, rank, repeats }) => [archive, rank, repeats.map(({ reason }) => reason)]);
    /** The node that each result was made on. */
    const nodesOf = () =>
      recordsOf()
        .filter(({ evidence }) => evidence.join().includes('ran after canary'))
        .map(
          ({ attempt, evidence }) =>
            `attempt ${attempt} on ${/ran on node (\w+)/.exec(evidence.join())?.[1]}`,
        )
        .sort();

    test('a node where it goes wrong while nobody watches is drained once, also if the coordinator is killed then, and its runs since the last good one are made again elsewhere', async () => {
      await setState('n1', 'DRAIN');
      try {
        await put('a');
        expect((await grade(...canary)).standing.runs).toEqual({ wanted: 1, done: 1 });
        await put('b');
        await writeFile(join(place, 'wrong'), '');
        expect((await grade(...canary, '--detach')).code).toBe(0);
        await until('b has left a result', () =>
          runsOf().some((each) => existsSync(join(each, 'result/unscored.json'))),
        );
        await rm(join(place, 'wrong'));
        await setState('n1', 'RESUME');
        const bin = await scontrolThat(`echo "$*" >> ${place}/drains
"$real" "$@"
[ -e ${place}/killed ] || { touch ${place}/killed; kill -9 $PPID; }
exit 0`);
        const words = [...onOpenTrack(), ...canary];
        expect((await start(words, bin).ended).code).toBe(null);
        expect(existsSync(join(place, 'killed'))).toBe(true);
        const { code, standing, stderr } = await start(words, bin).ended;
        expect({ code, stderr }).toMatchObject({ code: 0 });
        // The call that was killed had drained the node, but not noted it.
        expect(readFileSync(join(place, 'drains'), 'utf8').trim().split('\n')).toHaveLength(1);
        const because = 'its canary scored 100.00 %, expected 5.00 % to 15.00 %';
        expect(stderr).toContain(`Canary 2 on n2 is out of its band: ${because}. The node is drained`);
        expect(reasonOf('n2')).toBe(`drained haet: ${because}`);
        const why = 'made between a canary that was good and one that was out of its band';
        expect(resultsOf(standing)).toEqual([
          ['a.tar.gz', 1, [why]],
          ['b.tar.gz', 1, [why]],
        ]);
        expect(standing.canaries).toMatchObject([
          { node: 'n2', because, done: 'drained', runs: 2, again: 2 },
        ]);
        expect(nodesOf()).toEqual(
          [1, 1, 2, 2].map((attempt) => `attempt ${attempt} on ${attempt === 1 ? 'n2' : 'n1'}`),
        );
        const bundle = join(place, 'bundle.tar.gz');
        await say('export', out, '--out', bundle);
        expect(await say('verify', bundle)).toContain('canaries were judged by their records and bands');
      } finally {
        await Promise.all(['n1', 'n2'].map((node) => setState(node, 'RESUME').catch(() => {})));
      }
    }, 240_000);

    test('a node where it is slow runs nothing, and is left out where the user may not drain it', async () => {
      await setState('n1', 'DRAIN');
      try {
        await put('a');
        await writeFile(join(place, 'slow'), '');
        const bin = await scontrolThat('echo "slurm_update error: Invalid user id" >&2; exit 1');
        const grading = start([...onOpenTrack(), ...canary], bin);
        await until('the canary is judged', () => existsSync(join(out, 'canaries.jsonl')));
        await rm(join(place, 'slow'));
        await setState('n1', 'RESUME');
        const { code, standing, stderr } = await grading.ended;
        expect({ code, stderr }).toMatchObject({ code: 0 });
        expect(stderr).toContain('Slurm refused to drain node n2: slurm_update error: Invalid user id');
        expect(stderr).toMatch(
          /its canary trained on .* images per second, expected at least 1000000\. Slurm refused to drain the node, so it is left out of this grading only\./,
        );
        expect(reasonOf('n2')).toBe('idle none');
        expect(resultsOf(standing)).toEqual([['a.tar.gz', 1, []]]);
        expect(standing.canaries).toMatchObject([{ node: 'n2', done: 'left out', runs: 0, again: 0 }]);
        expect(nodesOf()).toEqual(['attempt 1 on n1']);
      } finally {
        await Promise.all(['n1', 'n2'].map((node) => setState(node, 'RESUME').catch(() => {})));
      }
    }, 240_000);
  });

  inBubblewrap('on a sealed Track', () => {
    let sealed: Awaited<ReturnType<typeof sealedTiny>>;
    beforeAll(async () => {
      sealed = await sealedTiny(cluster.home);
    });

    test('nodes that are not fit are left out with the reason; the coordinator signs runs and canaries; neither a task nor the coordinator holds identity or labels', async () => {
      const sealedTrack = join(shared, 'sealed-track');
      await cp(sealed.dir, sealedTrack, { recursive: true });
      const identity = keyIn(sealed.identity);
      const labelsKey = await makeLabelsKey(
        await readFile(join(sealedTrack, 'withheld.age')),
        identity,
        'withheld.age',
      );
      const slow = { predict: 'sleep 4; cp constant.npy "$HAET_OUT_DIR/predictions.npy"' };
      for (const name of ['a', 'b', 'c', 'd']) await put(name, slow);
      const known = join(dirname(out), 'known.tar.gz');
      await packEntry(await makeEntry(shared), known);
      const grading = start(
        [
          ...['--track', sealedTrack, '--sandbox', 'bubblewrap', '--cpus', '1', '--memory', '1000000000'],
          ...['--images-key', sealed.imagesKey, '--identity', sealed.identity],
          ...['--canary', known, '--canary-accuracy', '..100'],
          ...['--slurm-option', '--partition=all'],
        ],
        { A_VARIABLE_OF_THE_COORDINATOR: 'stays at home' },
      );
      await until('an entry predicts', () => stagesIn(runsOf()).includes('predict'));
      const needles = {
        'the key of the images': Buffer.from(keyIn(sealed.imagesKey)),
        'the identity': Buffer.from(identity),
        'the labels key': Buffer.from(labelsKey.labelsKey, 'hex'),
        'the labels key in hexadecimal': Buffer.from(labelsKey.labelsKey),
        'the labels': Buffer.from(Array.from({ length: 64 }, (_, at) => at % 10)),
      };
      let killed = 0;
      const searched = cluster
        .processesWith('node-task')
        .map((pid) => {
          const environment = environmentOf(pid);
          const found = findReadable(pid, needles, [sealedTrack, dirname(out)]);
          // One of them ends before its run does. At once: while others are searched, it may end by itself.
          if (killed === 0 && found !== null && environmentOf(pid) !== '') {
            killed = pid;
            process.kill(pid, 'SIGKILL');
          }
          return { environment, found };
        })
        .filter(({ found }) => found !== null);
      expect(killed).not.toBe(0);
      for (const { environment } of searched)
        expect(environment).not.toContain('A_VARIABLE_OF_THE_COORDINATOR');
      // The coordinator has them neither in its environment nor in its arguments or memory: `haet score` reads the file.
      const held = findReadable(grading.child.pid!, needles, []);
      expect(Object.keys(held!).filter((name) => name !== 'the key of the images')).toEqual([]);
      const { code, standing, stderr } = await grading.ended;
      expect({ code, stderr }).toMatchObject({ code: 0 });
      // The first is given to a task, and shows that the search finds what is there.
      for (const { found } of searched) expect(found).toEqual({ 'the key of the images': expect.anything() });
      expect(stderr).toContain('Node blind is left out: it does not see ');
      expect(stderr).toContain(`Node spy is left out: it can read ${sealed.identity}.`);
      const [counted, lost] = [true, false].map((is) =>
        recordsOf(runsOf()).filter(({ score }) => (score !== null) === is),
      );
      const canaries = readFileSync(join(out, 'canaries.jsonl'), 'utf8').trim().split('\n').length;
      expect(stderr).toMatch(/Canary 1 on n[12]: \d+\.\d\d %, .* images per second, as expected/);
      expect(standing).toMatchObject({ canaries: [], chain: { number: 4 + canaries } });
      expect(counted!.map(verdictOf)).toEqual([1, 2, 3, 4].map(() => ['SCORED', 100]));
      expect(lost!.map(({ verdict }) => verdict)).toEqual(['INFRA_FAULT']);
      expect(counted!.every(({ folder }) => existsSync(join(folder, 'record.jws')))).toBe(true);
      const { verifyKey } = JSON.parse(await say('seal', 'keys', sealed.identity, '--json'));
      expect(await say('verify', out, '--key', verifyKey)).toContain(`${4 + canaries} records hold`);
      expect(
        readdirSync(join(out, 'slurm')).filter((batch) =>
          existsSync(join(out, 'slurm', batch, 'images-key')),
        ),
      ).toEqual([]);
    }, 240_000);
  });
});
