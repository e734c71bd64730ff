import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An NVIDIA GPU of this machine. */
export interface Gpu {
  /** As CUDA_VISIBLE_DEVICES takes it: `GPU-` and hexadecimal digits. */
  readonly uuid: string;
  readonly model: string;
  /** Its device file, such as /dev/nvidia0. */
  readonly device: string;
}

/** The GPUs that a run has. */
export interface GpuShare {
  /** Value of CUDA_VISIBLE_DEVICES; empty: no GPU. */
  readonly visible: string;
  /** GPUs whose device files a stage that sees only its mounts is shown. */
  readonly gpus: readonly Gpu[];
}

/** Devices that every program with a GPU opens beside the GPU's own. */
export const commonDevices = ['/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/nvidia-uvm-tools'];

/** Returns a share of GPUs, by their names. */
export const shareOf = (gpus: readonly Gpu[]): GpuShare => ({
  visible: gpus.map(({ uuid }) => uuid).join(),
  gpus,
});

/**
 * Lists the GPUs of this machine in the order of their PCI addresses, as the driver's files tell them; none without a
 * driver. Set-up and check-machine read the same files.
 */
export function listGpus(folder = process.env.HAET_NVIDIA_DRIVER || '/proc/driver/nvidia'): Gpu[] {
  const field = (text: string, name: string) => new RegExp(`^${name}:\\s*(\\S.*?)\\s*$`, 'm').exec(text)?.[1];
  try {
    return readdirSync(join(folder, 'gpus'))
      .sort()
      .flatMap((address) => {
        const text = readFileSync(join(folder, 'gpus', address, 'information'), 'utf8');
        const [uuid, minor] = [field(text, 'GPU UUID'), field(text, 'Device Minor')];
        // Question marks stand for a UUID that this process may not see.
        if (uuid === undefined || uuid.includes('?') || minor === undefined) return [];
        return [{ uuid, model: field(text, 'Model') ?? '', device: `/dev/nvidia${minor}` }];
      });
  } catch {
    return [];
  }
}

/**
 * Returns those GPUs that this process may use by its own CUDA_VISIBLE_DEVICES: a list of indices or beginnings of
 * UUIDs, which ends at the first that names none.
 * @param visible undefined: not set, all may be used
 */
export function usableGpus(
  all: readonly Gpu[] = listGpus(),
  visible: string | undefined = process.env.CUDA_VISIBLE_DEVICES,
): Gpu[] {
  if (visible === undefined) return [...all];
  const usable: Gpu[] = [];
  for (const word of visible.split(',').map((each) => each.trim())) {
    const named = /^\d+$/.test(word)
      ? all[Number(word)]
      : all.find(({ uuid }) => word && uuid.startsWith(word));
    if (named === undefined) break;
    usable.push(named);
  }
  return usable;
}

/**
 * Returns what Slurm gave a task: its CUDA_VISIBLE_DEVICES, unchanged, and the GPUs whose devices the task may open,
 * which are the others too if Slurm does not constrain devices. Indices count only those.
 * @returns undefined if Slurm gave no GPU
 */
export function gpusOfTask(
  all: readonly Gpu[] = listGpus(),
  visible: string | undefined = process.env.CUDA_VISIBLE_DEVICES,
): GpuShare | undefined {
  return visible === undefined ? undefined : { visible, gpus: all.filter(({ device }) => canOpen(device)) };
}

/**
 * Returns the GPUs that a run can use.
 * @param share what it was given; undefined: not divided
 * @param fenced whether its stages see only their mounts, and so no device that is not given to them
 */
export function gpusOfRun(
  share: GpuShare | undefined,
  fenced: boolean,
  all: readonly Gpu[] = listGpus(),
): Gpu[] {
  if (share !== undefined) return usableGpus(share.gpus, share.visible);
  return fenced ? [] : all.filter(({ device }) => canOpen(device));
}

function canOpen(device: string): boolean {
  try {
    closeSync(openSync(device, 'r+'));
    return true;
  } catch {
    return false;
  }
}
