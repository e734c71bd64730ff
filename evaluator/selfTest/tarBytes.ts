import { Header, type HeaderData, Pax } from 'tar';

export interface Member {
  readonly path: string;
  readonly type?: NonNullable<HeaderData['type']>;
  readonly linkpath?: string;
  readonly data?: string | Buffer;
  /** Size that the header gives; default: that of the data. */
  readonly size?: number;
  /** Fields of an extended header in front. */
  readonly pax?: HeaderData;
  readonly mode?: number;
}

/** A tar archive as anybody could write one, sound or not. */
export function tarBytes(...members: readonly Member[]): Buffer {
  return Buffer.concat([...members.map(memberBytes), Buffer.alloc(1024)]);
}

function memberBytes({ path, type = 'File', linkpath, data = '', size, pax, mode = 0o644 }: Member): Buffer {
  const body = Buffer.from(data);
  const header = Buffer.alloc(512);
  new Header({
    path,
    type,
    mode,
    size: size ?? body.length,
    mtime: new Date(0),
    ...(linkpath === undefined ? {} : { linkpath }),
  }).encode(header, 0);
  const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
  return Buffer.concat([pax ? new Pax(pax).encode() : Buffer.alloc(0), header, body, padding]);
}
