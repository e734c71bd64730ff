import { type Digests, digestsWithin, killReceiptOf, type OfficialRecord } from '../officialRecord.ts';

/** Returns the first digest that is missing or differs from the record of the run; null if there is none. */
export function digestFault({ record, digests }: OfficialRecord): string | null {
  for (const [name, within] of Object.entries(digestsWithin(record))) {
    const digest = digests[name as keyof Digests];
    if (digest !== within) {
      return `the digest ${name} is ${digest ?? 'missing'}, but the record of the run says ${within ?? 'nothing'}`;
    }
  }
  const { image } = record.sandbox;
  if (image !== null && digests.image !== image) {
    return `the digest image is ${digests.image ?? 'missing'}, but the record of the run says ${image}`;
  }
  if (record.score === null) return null;
  if (digests.predictions === null) return 'there is a score, but no digest of its predictions';
  if (record.sandbox.kind === 'docker' && digests.image === null) {
    return 'the entry ran in a container, but there is no digest of its image';
  }
  return null;
}

/**
 * Returns the first kill receipt that is missing, reports a survivor, or differs from its stage; null if there is
 * none.
 */
export function receiptFault({ record, killReceipts }: OfficialRecord): string | null {
  if (killReceipts.length !== record.stages.length) {
    return `there are ${killReceipts.length} kill receipts for ${record.stages.length} stages`;
  }
  for (const [index, stage] of record.stages.entries()) {
    const receipt = killReceipts[index]!;
    if ((receipt.processesLeft ?? 0) > 0 && record.verdict !== 'INFRA_FAULT') {
      return `${receipt.processesLeft} processes of the ${stage.stage} stage were left alive`;
    }
    if (receipt.processesLeft === null && stage.ended !== 'failed-to-start') {
      return `the processes that the ${stage.stage} stage left were not counted`;
    }
    for (const [name, expected] of Object.entries(killReceiptOf(stage))) {
      const got = receipt[name as keyof typeof receipt];
      if (got !== expected) {
        return `the kill receipt of ${stage.stage} says ${name} ${got}, but the stage ${expected}`;
      }
    }
  }
  return null;
}
