/**
 * How `npm ci` ended and what it said.
 * @typedef {object} NpmResult
 * @property {number | null} status
 * @property {string | null} [signal]
 * @property {string} output
 */

/** Words after `code` that mean that no connection came about. */
const network =
  /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ECONNABORTED|ETIMEDOUT|EIDLETIMEOUT|ERR_SOCKET_TIMEOUT|ERR_SOCKET_CLOSED|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|EPIPE|EPROTO|ERR_STREAM_PREMATURE_CLOSE|FETCH_ERROR)$/;
const certificate =
  /SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_UNTRUSTED|self[- ]signed certificate|unable to (get|verify) .*certificate/i;
const validity = /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|certificate (has expired|is not yet valid)/i;

/**
 * Kinds of failure, by npm's error code or by its output. The first that fits decides.
 * @type {{ code?: RegExp, output?: RegExp, sentence: (seen: ReturnType<typeof read>) => string }[]}
 */
const kinds = [
  {
    output: /heap out of memory|Cannot allocate memory|\bENOMEM\b/,
    sentence: ({ quote }) =>
      `npm ran out of memory (${quote}): free some memory, or raise NODE_OPTIONS=--max-old-space-size,`,
  },
  {
    output: /npm v\S+ (is known not to run on|does not support) Node\.js/,
    sentence: ({ quote }) =>
      `npm and Node do not fit each other (${quote}): install the npm that comes with Node from nodejs.org`,
  },
  {
    output: /Cannot find module '.*npm|npm\/(lib|bin)\/.*SyntaxError/,
    sentence: ({ quote }) => `npm itself is broken (${quote}): install Node and npm again, from nodejs.org,`,
  },
  {
    code: /^EBADENGINE$/,
    sentence: ({ npmLine }) => {
      const id = npmLine(/Not compatible with your version of node\/npm: (.*)/)?.[1] ?? 'a package';
      const wanted = engines(npmLine(/Required: *(\{.*\})/)?.[1]);
      const actual = engines(npmLine(/Actual: *(\{.*\})/)?.[1]);
      return `engine-strict is set in your npm settings and ${id} needs ${wanted} (here: ${actual}): install what it needs, or set npm_config_engine_strict=false,`;
    },
  },
  {
    output: /\bENOSPC\b/,
    sentence: ({ quote, place, inCache }) =>
      `The disk that holds ${place} is full (${quote}): ${inCache ? 'run `npm cache clean --force`, free some space there, or set npm_config_cache to a folder on another disk,' : 'free some space there (node_modules takes about 600 MB)'}`,
  },
  {
    output: /\bEDQUOT\b/,
    sentence: ({ quote, place }) =>
      `Your disk quota for ${place} is used up (${quote}): free some space there`,
  },
  {
    output: /\bEROFS\b/,
    sentence: ({ quote, place, inCache }) =>
      `${place} is on a read-only file system (${quote}): ${inCache ? otherCache : 'move the clone to a disk that can be written,'}`,
  },
  {
    output: /\b(EACCES|EPERM)\b/,
    sentence: ({ quote, place, inCache, cache }) =>
      `${place} cannot be written by this user (${quote}): ${
        inCache
          ? `make it yours with \`sudo chown -R $(id -u) ${cache}\`, or ${otherCache}`
          : 'run set-up as the user who owns the clone, or make it yours with `sudo chown -R $(id -u) .` in the clone,'
      }`,
  },
  {
    output: /\bE(MFILE|NFILE)\b/,
    sentence: ({ quote }) =>
      `npm could not open more files (${quote}): raise the limit with \`ulimit -n 4096\``,
  },
  {
    code: /^(ENOTEMPTY|EBUSY|EEXIST|EISDIR)$/,
    sentence: ({ quote, root }) =>
      `node_modules could not be replaced (${quote}): end programs that use it, delete ${root}/node_modules`,
  },
  {
    code: /^ENOTDIR$/,
    sentence: ({ quote, place, inCache }) =>
      `${place} cannot be used (${quote}): ${inCache ? otherCache : 'delete node_modules in the clone'}`,
  },
  {
    output: /spawn git\b|\bgit: (command )?not found|unknown git error/,
    sentence: ({ quote }) => `npm needs git for a package (${quote}): install git`,
  },
  {
    output: /\bEINTEGRITY\b/,
    sentence: ({ quote, registry }) =>
      `npm got a file that is not the one in package-lock.json (${quote}): run \`npm cache verify\`; if it stays so, ${registry} or a proxy serves a changed file, so use another registry`,
  },
  {
    code: /^ENOTCACHED$/,
    sentence: ({ quote }) =>
      `npm may not use the network, because your settings say offline, and a package is not in its cache (${quote}): set npm_config_offline=false`,
  },
  {
    output: validity,
    sentence: ({ quote, registry }) =>
      `The certificate of ${registry} is not valid at this time (${quote}): check the clock of this machine (\`date\`)`,
  },
  {
    output: certificate,
    sentence: ({ quote, registry }) =>
      `npm does not trust the certificate of ${registry} (${quote}), as happens where a firewall reads traffic: set NODE_EXTRA_CA_CERTS to your organisation's certificate file`,
  },
  {
    output: /ERR_TLS_CERT_ALTNAME_INVALID|ERR_SSL_|EPROTO|wrong version number/,
    sentence: ({ quote, registry, proxy }) =>
      `npm could not set up TLS with ${registry} (${quote}): check its address with \`npm config get registry\`${proxy === null ? '' : `, and that the proxy ${proxy} begins with http: or https: as it should,`}`,
  },
  {
    output: /\bE407\b|Proxy Authentication Required/i,
    sentence: ({ quote, proxy }) =>
      `The proxy ${proxy ?? 'for npm'} wants a user name and password (${quote}): put them into its address, as in http://USER:PASSWORD@HOST:PORT,`,
  },
  {
    code: /^E(401|NEEDAUTH)$/,
    sentence: ({ quote, registry }) =>
      `The registry did not accept the credentials (${quote}): log in with \`npm login --registry=${registry}\`, or name another registry in npm_config_registry,`,
  },
  {
    code: /^E403$/,
    sentence: ({ quote, registry }) =>
      `The registry does not give out a package (${quote}): ask whoever runs ${registry} to allow it, or name another registry in npm_config_registry,`,
  },
  {
    code: /^(E404|ETARGET)$/,
    sentence: ({ quote, registry }) =>
      `The registry does not have a package of package-lock.json (${quote}): if ${registry} is a mirror, ask whoever runs it to update it, or name another registry in npm_config_registry,`,
  },
  {
    code: /^E(429|5\d\d)$/,
    sentence: ({ quote, registry }) => `The registry ${registry} cannot answer now (${quote}): wait a while`,
  },
  {
    output: /tunneling socket could not be established|Proxy connection ended/i,
    sentence: ({ quote, registry, proxy }) =>
      `npm could not reach ${registry} through the proxy ${proxy ?? 'of your settings'} (${quote}): check the proxy (\`npm config get https-proxy\`, HTTPS_PROXY)`,
  },
  {
    code: network,
    sentence: ({ quote, registry, proxy }) =>
      `npm could not reach ${registry}${proxy === null ? '' : ` through the proxy ${proxy}`} (${quote}): check the network${proxy === null ? '' : ' and the proxy'}, or name another registry in npm_config_registry,`,
  },
  {
    code: /^ERR_INVALID_(URL|PROTOCOL)$|^EUNSUPPORTEDPROTOCOL$/,
    sentence: ({ quote }) =>
      `npm cannot use an address in its settings (${quote}): correct registry, proxy and https-proxy (\`npm config list\` shows them)`,
  },
  {
    code: /^(EJSONPARSE|ENOLOCK)$/,
    sentence: ({ quote }) => `npm cannot read a file of the clone (${quote}): restore it with git`,
  },
  {
    output: /in sync|\bERESOLVE\b/,
    sentence: ({ detail }) =>
      `package.json and package-lock.json disagree (${detail}): run \`npm install --ignore-scripts\` and \`node scripts/completeLock.mjs\` to fix the lock file`,
  },
  {
    output: /Exit handler never called|cb\(\) never called/,
    sentence: ({ quote, version }) =>
      `npm ${version} stopped by a fault of its own (${quote}): delete node_modules, or install another version of npm,`,
  },
  {
    output: /TAR_ENTRY_ERROR/,
    sentence: ({ quote }) => `npm could not write some files of a package (${quote}): delete node_modules`,
  },
];

const otherCache = 'set npm_config_cache to a folder that you can write,';

/**
 * Returns the sentence for a failed `npm ci`: what happened, npm's own line, and what fits it.
 * @param {NpmResult} result
 * @param {import('./npmSettings.mjs').NpmFacts} facts
 * @param {string} root  the folder in which npm ran
 */
export function explainNpm(result, facts, root) {
  const { status, signal } = result;
  if (status === null || status === 137) {
    const by = signal ?? 'SIGKILL';
    return by === 'SIGKILL'
      ? again(
          'npm was killed (SIGKILL), usually because memory ran out: close other programs or give this machine or container more memory,',
        )
      : again(`npm was stopped by ${by}:`);
  }
  const seen = read(result, facts, root);
  const kind = findKind(seen, result.output);
  if (kind !== null) return again(kind.sentence(seen));
  const log = /A complete log of this run can be found in:\s*(?:npm (?:error|ERR!)\s*)?(\S+)/.exec(
    result.output,
  )?.[1];
  return `npm ci failed (${seen.quote}): ${log === undefined ? 'run `npm ci --ignore-scripts` in the clone' : `see ${log}`} for all of it.`;
}

/**
 * Returns the sentence for an `npm ci` that reported success and left files out, or null if it says of none.
 * @param {NpmResult} result
 * @param {import('./npmSettings.mjs').NpmFacts} facts
 * @param {string} root
 */
export function explainNpmWarning(result, facts, root) {
  if (!/TAR_ENTRY_ERROR|\b(ENOSPC|EDQUOT|EMFILE)\b|Exit handler never called/.test(result.output))
    return null;
  const seen = read(result, facts, root);
  return again(findKind(seen, result.output).sentence(seen));
}

function findKind({ code }, output) {
  const said = output
    .split('\n')
    .filter((line) => !/A complete log of this run/.test(line))
    .join('\n');
  return kinds.find((kind) => kind.code?.test(code) || kind.output?.test(said)) ?? null;
}

function again(sentence) {
  const text = sentence.replace(/^the /, 'The ');
  return `${text} ${text.endsWith(':') ? '' : 'and '}run the command again.`;
}

/** Reads npm's output: its error code, the line to quote, and where the file is that it names. */
function read({ status, output }, facts, root) {
  const lines = output
    .split('\n')
    .map((line) => /^npm (?:error|ERR!|warn|WARN) ?(.*)$/.exec(line)?.[1].trim() ?? null)
    .filter((line) => line);
  const field = (name) => lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  const npmLine = (pattern) => lines.map((line) => pattern.exec(line)).find((match) => match !== null);
  const code = field('code') ?? '';
  const path = field('path') ?? '';
  // npm writes a response to its cache while it reads it, and then names no path.
  const inCache =
    isBelow(path, facts.cache) ||
    /_cacache/.test(path) ||
    (path === '' &&
      /Invalid response body while trying to fetch|cache folder contains root-owned/.test(output));
  const place = inCache
    ? `npm's cache ${facts.cache}`
    : path === '' || isBelow(path, root)
      ? `the clone ${root}`
      : path;
  return {
    ...facts,
    root,
    code,
    place,
    inCache,
    npmLine,
    detail: disagreement(lines),
    quote: quoteOf(lines, code, output, status),
  };
}

/** Returns the line that says what is wrong. */
function quoteOf(lines, code, output, status) {
  const field = (name) => lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  const file = field('syscall') && field('path') ? `${field('syscall')} ${field('path')}` : null;
  const warned = lines.find((line) => /TAR_ENTRY_ERROR/.test(line))?.replace(/^tar /, '');
  const telling = lines
    .filter(
      (line) =>
        !/^(code|syscall|path|errno|dest|cwd|cb\b)|^A complete log|^(Unknown|config|deprecated|EBADENGINE)\b/.test(
          line,
        ),
    )
    .map((line) => line.replace(/^(network|notarget|notsup|enoent|nospc|enospc|engine) /i, ''))
    .find((line) => line !== code);
  const plain = output.split('\n').find((line) => /error|not /i.test(line));
  const words = file ?? warned ?? telling ?? plain?.trim() ?? `exit status ${status}`;
  const said = words.replace(/^(\d{3}) \1 /, '$1 ');
  const text = code === '' || said.includes(code) ? said : `${code} ${said}`;
  return text.replace(/[.:;,\s]+$/, '').slice(0, 300);
}

/** Returns the first package on which package.json and the lock file do not agree. */
const disagreement = (lines) =>
  lines.find((line) => /^(Missing|Invalid): /.test(line)) ??
  lines.find((line) => /in sync|ERESOLVE/.test(line)) ??
  '';

const isBelow = (path, folder) => folder !== '' && (path === folder || path.startsWith(`${folder}/`));

/** Returns `{"node":">=22"}` as `node >=22`. */
function engines(json) {
  try {
    return Object.entries(JSON.parse(json))
      .map(([name, version]) => `${name} ${version}`)
      .join(' and ');
  } catch {
    return json ?? 'another version';
  }
}
