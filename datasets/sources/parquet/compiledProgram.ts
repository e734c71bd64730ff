import { fileURLToPath } from 'node:url';

/**
 * Returns the compiled program that lies beside a module. If the module itself is run from its source, as tests do, it
 * is the one in dist/.
 *
 * @param name without its suffix
 * @param module `import.meta.url`
 */
export function compiledProgram(name: string, module: string): string {
  const beside = new URL(`${name}.js`, module);
  if (!module.endsWith('.ts')) return fileURLToPath(beside);
  const root = new URL('../../../', import.meta.url).href;
  return fileURLToPath(new URL(`dist/${beside.href.slice(root.length)}`, root));
}
