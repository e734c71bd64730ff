import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { describeIssues } from '../../datasets/describeJson.ts';
import { UserError } from '../../datasets/userError.ts';
import { manifestFile, manifestSchema } from '../../evaluator/contract.ts';
import { createEntry } from '../createEntry.ts';
import { entryNameOf } from '../entryName.ts';
import { readTemplate, type TemplateName, templateNames, templates } from '../templates.ts';
import { sayer, sayJson } from '../terminal.ts';

interface Options {
  readonly template?: string;
  readonly team: string;
  readonly json?: boolean;
}

/** `haet init`: creates the folder of a new entry from a template. */
export function initCommand(command: Command): void {
  command
    .argument('<dir>', 'folder to create; its name becomes the name of the entry')
    .addOption(new Option('--template <name>', `what to start from: ${templateNames.join(', ')}`))
    .option('--team <name>', 'name of the team', 'my team')
    .option('--json', 'last line on standard output: folder, template, name, team, files')
    .addHelpText('after', help)
    .action(init);
}

async function init(dir: string, options: Options): Promise<void> {
  if (dir === '') throw new UserError('DIR is empty. Give the path of a new folder.');
  const template = requireTemplate(options.template);
  const team = requireTeam(options.team);
  const name = entryNameOf(dir);
  const files = await readTemplate(template);
  files.set(manifestFile, named(files.get(manifestFile)!, { name, team }));
  await createEntry(dir, files);

  sayer(options)(
    `${resolve(dir)}: ${[...files.keys()].join(', ')}`,
    `  it needs ${templates[template].needs}; README.md says what to change`,
    'Next:',
    ...nextCommands(dir).map((line) => `  ${line}`),
  );
  if (options.json) sayJson({ folder: resolve(dir), template, name, team, files: [...files.keys()] });
}

function requireTemplate(name: string | undefined): TemplateName {
  const known = templateNames.find((each) => each === name);
  if (known !== undefined) return known;
  throw new UserError({
    option: name === undefined ? '--template' : `--template ${name}`,
    reason: name === undefined ? 'is missing' : 'there is no such template',
    remedy: `Give one of ${templateNames.join(', ')}; \`haet init --help\` describes them.`,
  });
}

function requireTeam(team: string): string {
  const parsed = manifestSchema.shape.team.safeParse(team);
  if (parsed.success) return parsed.data;
  throw new UserError({
    option: `--team ${team}`,
    reason: describeIssues(parsed.error),
    remedy: 'Give 1 to 100 visible characters, words separated by single spaces.',
  });
}

/** Replaces name and team in the text of haet.json, whose other lines stay as they are. */
function named(manifest: Uint8Array, fields: { readonly name: string; readonly team: string }): Buffer {
  let text = Buffer.from(manifest).toString();
  for (const [field, value] of Object.entries(fields)) {
    text = text.replace(new RegExp(`"${field}": ".*"`), () => `"${field}": ${JSON.stringify(value)}`);
  }
  return Buffer.from(text);
}

/** Returns the commands to type next. `npx` finds a clone from its own folders only, so nothing changes the folder. */
function nextCommands(dir: string): string[] {
  if (process.env.npm_command === 'exec') {
    const at = quoted(dir);
    return [`npx haet check ${at}`, `npx haet dry-run --entry ${at} --budget 30`];
  }
  const enter = resolve(dir) === process.cwd() ? [] : [`cd ${quoted(dir)}`];
  return [...enter, 'haet check .', 'haet dry-run --entry . --budget 30'];
}

/** Quotes a path for a shell, if it needs that. */
function quoted(path: string): string {
  const argument = path.startsWith('-') ? `./${path}` : path;
  return /^[\w./+@%:,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

const help = `
Templates:
${templateNames.map((name) => `  ${name.padEnd(13)} ${templates[name].description}; needs ${templates[name].needs}`).join('\n')}

The folder must be new or empty. Nothing is overwritten.

Example:
  $ haet init my-entry --template pytorch --team "my team"
`;
