import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from 'tar';

/** A package's manifest without its name and version. */
type Manifest = Record<string, unknown>;

/** An npm registry with a few packages. */
export interface TinyRegistry {
  readonly url: string;
  /** Answers every request with this status; null for the packages again. */
  answer(status: number | null): void;
  /** Serves other bytes as the archive of every package. */
  damage(damaged: boolean): void;
  close(): void;
}

/**
 * Starts one.
 * @param packages manifests by `name@version`
 */
export async function startTinyRegistry(packages: Record<string, Manifest>): Promise<TinyRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'haet-registry-'));
  const archives = new Map<string, Buffer>();
  const manifests = new Map<string, Record<string, Manifest>>();
  for (const [id, rest] of Object.entries(packages)) {
    const at = id.lastIndexOf('@');
    const [name, version] = [id.slice(0, at), id.slice(at + 1)];
    const manifest = { name, version, ...rest };
    const staging = join(folder, 'package');
    mkdirSync(staging, { recursive: true });
    writeFileSync(join(staging, 'package.json'), JSON.stringify(manifest));
    const file = join(folder, 'archive.tgz');
    await create({ gzip: true, file, cwd: folder }, ['package']);
    const archive = readFileSync(file);
    const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
    archives.set(`/${name}/-/${name}-${version}.tgz`, archive);
    manifests.set(name, { ...manifests.get(name), [version]: { ...manifest, dist: { integrity } } });
  }
  rmSync(folder, { recursive: true });

  let status: number | null = null;
  let damaged = false;
  let url = '';
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '', url).pathname);
    const archive = archives.get(path);
    const versions = manifests.get(path.slice(1));
    if (status !== null || (archive === undefined && versions === undefined)) {
      return response.writeHead(status ?? 404).end('{}');
    }
    if (archive !== undefined) return response.end(damaged ? `${archive}x` : archive);
    const dated = Object.entries(versions!).map(([version, manifest]) => [
      version,
      {
        ...manifest,
        dist: { ...(manifest['dist'] as object), tarball: `${url}${path.slice(1)}/-${path}-${version}.tgz` },
      },
    ]);
    const time = Object.fromEntries(dated.map(([version]) => [version, '2024-01-01T00:00:00.000Z']));
    const latest = dated.at(-1)![0];
    return response.end(
      JSON.stringify({
        name: path.slice(1),
        'dist-tags': { latest },
        versions: Object.fromEntries(dated),
        time,
      }),
    );
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    url,
    answer: (next) => {
      status = next;
    },
    damage: (next) => {
      damaged = next;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
