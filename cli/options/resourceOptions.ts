import { Option } from 'commander';
import { byteCount, cpuCount } from './numberOption.ts';

export const cpusOption = (): Option =>
  new Option('--cpus <n>', 'CPUs that the entry may use (default: all)').argParser(cpuCount);

export const memoryOption = (): Option =>
  new Option(
    '--memory <bytes>',
    "memory that the entry may use (default: all minus the evaluator's share)",
  ).argParser(byteCount);
