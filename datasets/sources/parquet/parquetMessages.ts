import type { UserErrorFields } from '../../userError.ts';
import type { ParquetOptions } from './readParquetFile.ts';

/** What the process that reads Parquet files is told, as JSON in its first argument. */
export interface ParquetTask {
  readonly paths: readonly string[];
  readonly options: ParquetOptions;
}

/** What is read, in order: for each file one `start`, then its images. */
export type ParquetContent =
  | { readonly kind: 'start'; readonly rows: number; readonly names: readonly string[] | null }
  | {
      readonly kind: 'images';
      /** uint8 [labels, 32, 32, 3] */
      readonly images: Uint8Array;
      readonly labels: readonly (string | number)[];
    };

/** What that process says. */
export type ParquetMessage =
  | ParquetContent
  | { readonly kind: 'open'; readonly path: string }
  | { readonly kind: 'progress' }
  | { readonly kind: 'fault'; readonly fields: UserErrorFields }
  | { readonly kind: 'done' };
