import { describeEnd, findCause, quoteLine, tellingLine } from './failure.mjs';

/** The oldest pip that downloads the pinned wheels. */
const oldestPip = 20;
const isTooOld = (version) => Number.parseInt(version, 10) < oldestPip;
const update = 'update it (`python3 -m pip install --user --upgrade pip`)';

const repair = 'repair pip (`python3 -m ensurepip --upgrade`, or install python3-pip again)';
const network = 'check the network';
const cert =
  'name the certificate of your proxy or mirror in PIP_CERT (or `pip config set global.cert FILE`)';
const mirror = 'check the mirror (`pip config list` and PIP_INDEX_URL) and your access to it';

/** What pip says, and what helps: causes first. A remedy of null: only the file itself helps. */
const faults = [
  {
    pattern: /SSL module is not available|ssl module in Python is not available|No module named '_?ssl'/,
    remedy: 'put a python3 with OpenSSL first in PATH (on Debian or Ubuntu: sudo apt install python3)',
  },
  {
    pattern:
      /No module named '(zlib|_ctypes|distutils|html|pip\.[\w.]+|pkg_resources|encodings)|cannot import name|pip\.__main__/,
    remedy: repair,
  },
  {
    pattern: /Missing dependencies for SOCKS/,
    remedy: 'name an HTTP proxy in PIP_PROXY, or unset ALL_PROXY',
  },
  {
    pattern: /ProxyError|Tunnel connection failed|407 Proxy|Cannot connect to proxy|proxy URL/i,
    remedy: 'check the proxy (`https_proxy`, PIP_PROXY or `pip config list`)',
  },
  {
    pattern:
      /CERTIFICATE_VERIFY_FAILED|certificate verify failed|Could not find a suitable TLS CA|problem confirming the ssl|SSLError/i,
    remedy: cert,
  },
  {
    pattern: /is not a trusted or secure host/,
    remedy: 'use an https:// mirror, or name its host in PIP_TRUSTED_HOST',
  },
  { pattern: /truststore.*only available|unknown.*feature/i, remedy: 'unset PIP_USE_FEATURE' },
  {
    pattern:
      /Configuration file|not a valid value for|error occurred during configuration|invalid .* value|ambiguous option/i,
    remedy: 'correct this setting of pip (`pip config debug` lists the files)',
  },
  {
    pattern: /DO NOT MATCH THE HASHES|Expected sha256/,
    remedy: 'use another mirror, because this one has a different file',
  },
  { pattern: /HTTP error 40[13]|40[13] Client Error|401 Error/i, remedy: mirror },
  {
    pattern: /HTTP error 5\d\d|5\d\d Server Error|too many 5\d\d/i,
    remedy: 'wait until the mirror works again',
  },
  {
    pattern:
      /Name or service not known|name resolution|Network is unreachable|No route to host|Connection refused|Connection reset|Connection aborted|timed out|ReadTimeout|NewConnectionError|IncompleteRead|IncompleteDownload|RemoteDisconnected|connection broken/i,
    remedy: network,
  },
  { pattern: /404 Client Error|404 Not Found/, remedy: mirror },
  {
    pattern: /MemoryError/,
    remedy: 'free about 1 GB of memory or raise the limit of this shell or container',
  },
  { pattern: /is not a supported wheel/, remedy: 'update pip (`python3 -m pip install --upgrade pip`)' },
];

/** The last rows: pip names no cause. */
const absent = /No matching distribution|Could not find a version/;

/**
 * Says why a download by pip failed, and what helps.
 * @param {{ status: number | null, signal?: string | null, output: string }} result
 * @param {{ version: string, noIndex: boolean }} pip  `noIndex`: the user's settings forbid an index
 * @returns {{ reason: string, remedy: string | null }}
 */
export function explainPip(result, { version, noIndex }) {
  const { output } = result;
  if (result.signal) {
    const memory = result.signal === 'SIGKILL' ? 'free about 1 GB of memory' : null;
    return { reason: `pip: ${describeEnd(result)}`, remedy: memory };
  }
  const cause = findCause(faults, output);
  if (cause !== null) return { reason: `pip: ${quoteLine(own(cause.line))}`, remedy: cause.remedy };
  const line = tellingLine(output, /^\s*ERROR: |^\w*(?:Error|Exception): /);
  const reason = `pip: ${line === null ? describeEnd(result) : quoteLine(own(line))}`;
  if (isTooOld(version)) return { reason: `${reason}; pip ${version} is too old`, remedy: update };
  if (absent.test(output))
    return { reason, remedy: noIndex ? 'unset no-index in the settings of pip' : mirror };
  return { reason, remedy: null };
}

/**
 * Says why python3 has no usable pip, and what helps.
 * @param {{ version?: string | null, problem: string, kind: 'system' | 'own' | 'venv' | 'conda', prefix: string, ensurepip: boolean }} facts  of
 *   pipFacts.py
 * @returns {{ reason: string, remedy: string }}
 */
export function explainNoPip({ version = null, problem, kind, prefix, ensurepip }) {
  if (isTooOld(version)) return { reason: `pip ${version} is too old`, remedy: update };
  if (!/No module named '?pip'?\s*$/m.test(problem)) {
    const known = findCause(faults, problem);
    const line = known?.line ?? tellingLine(problem, /^\w*Error: /) ?? 'no reason given';
    return {
      reason: `pip does not run: ${quoteLine(own(line))}`,
      remedy: known?.remedy ?? repair,
    };
  }
  const reason = 'python3 has no pip';
  const debian = 'install it (on Debian or Ubuntu: sudo apt install python3-pip)';
  const install = ensurepip ? 'run `python3 -m ensurepip`' : null;
  switch (kind) {
    case 'conda':
      return {
        reason: `${reason}: it is that of the conda environment ${prefix}`,
        remedy: 'run `conda install pip` or `conda deactivate`',
      };
    case 'venv':
      return {
        reason: `${reason}: it is that of the virtual environment ${prefix}`,
        remedy: [install, 'run `deactivate`'].filter(Boolean).join(' or '),
      };
    case 'own':
      return { reason: `${reason}: it is that of ${prefix}`, remedy: install ?? debian };
    default:
      return { reason, remedy: debian };
  }
}

/** Removes what pip writes before the cause. */
function own(line) {
  const broken = /connection broken by '(.*)': \S+$/.exec(line)?.[1] ?? line;
  return broken.trim().replace(/^(?:ERROR|WARNING): /, '');
}
