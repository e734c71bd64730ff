import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeFault } from '../datasets/describeFault.ts';
import { UserError } from '../datasets/userError.ts';
import { leftOut } from '../evaluator/intake/packEntry.ts';
import { projectFolder } from '../evaluator/machine/version.ts';

interface Template {
  readonly description: string;
  /** What must be installed where the entry runs. */
  readonly needs: string;
}

/** The templates of `haet init`: folders of `examples/`, by their names. */
export const templates = {
  pytorch: {
    description: 'a narrow ResNet-9 in PyTorch',
    needs: 'python3 with torch 2.x and numpy',
  },
  numpy: {
    description: 'random patches and ridge regression in Python, without deep learning',
    needs: 'python3 with numpy',
  },
  tensorflowjs: {
    description: 'a small convolutional network in JavaScript',
    needs: 'Node and the TensorFlow that comes with haet',
  },
  shell: {
    description: 'two shell scripts that predict the most common label: the smallest entry',
    needs: 'a POSIX shell',
  },
} as const satisfies Record<string, Template>;
export type TemplateName = keyof typeof templates;

export const templateNames = Object.keys(templates) as TemplateName[];

/**
 * Reads the files of a template, by their names.
 * @throws UserError if they are not where haet is installed
 */
export async function readTemplate(name: TemplateName): Promise<Map<string, Buffer>> {
  const folder = join(projectFolder, 'examples', name);
  try {
    const found = await readdir(folder, { withFileTypes: true });
    // Folders are what a dry run of the example leaves there, such as __pycache__.
    const names = found
      .filter((each) => each.isFile() && !leftOut.includes(each.name))
      .map((each) => each.name);
    return new Map(
      await Promise.all(
        names.sort().map(async (file) => [file, await readFile(join(folder, file))] as const),
      ),
    );
  } catch (error) {
    throw new UserError({
      path: folder,
      reason: `the template cannot be read (${describeFault(error)})`,
      remedy: 'Install haet again.',
    });
  }
}
