import { UserError } from '../../datasets/userError.ts';
import type { Batch } from './batch.ts';
import { readFinding } from './nodeCheck.ts';
import { leftOut } from './task.ts';

/** The nodes that this call gives no more attempts: they failed their check or their canary. */
export interface LeftOutNodes {
  names(): string[];
  /** Leaves out a node, whose reason was told already. @param reason a sentence, in place of an earlier one */
  add(node: string, reason: string): void;
  /** Leaves out a node whose task of a batch ended with a status of `leftOut`, and warns, unless it is left out already. */
  addUnfit(node: string, status: number, batch: Batch): Promise<void>;
  /** Returns Slurm's refusal of a job, a UserError, with the nodes added, because they may be its cause; else the same error. */
  explain(refusal: unknown): unknown;
}

/** @param warn prints a sentence */
export function createLeftOutNodes(warn: (sentence: string) => void): LeftOutNodes {
  /** Why, by name. */
  const reasons = new Map<string, string>();
  return {
    names: () => [...reasons.keys()],
    add: (node, reason) => reasons.set(node, reason),
    async addUnfit(node, status, { folder }) {
      if (reasons.has(node)) return;
      const known: Record<number, string> = {
        [leftOut.noSharedFolder]: `it does not see ${folder}. Mount the folder of --out there at the same path.`,
        [leftOut.noHaet]: 'there is no haet where this machine has it. Install it there at the same path.',
      };
      const found = (await readFinding(folder, node))?.unfit;
      const reason = known[status] ?? found ?? 'its check did not end.';
      reasons.set(node, reason);
      warn(`Node ${node} is left out: ${reason}`);
    },
    explain(refusal) {
      if (!(refusal instanceof UserError) || reasons.size === 0) return refusal;
      const nodes = [...reasons].map(([node, reason]) => `${node} (${reason})`).join('; ');
      return new UserError(`${refusal.message} Nodes that are left out: ${nodes}`);
    },
  };
}
