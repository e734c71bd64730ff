import type { Listing, Place } from './listFolder.ts';

const MOST_SEEN = 8;

/** A folder with what lies in it. */
export interface Opened {
  readonly place: Place;
  readonly listing: Listing;
}

/** Describes what lies in a folder: `train/ (12 files), test/ (2 folders, 6 files), labels.csv`. */
export function describeSeen(folders: readonly Opened[], files: readonly Place[]): string {
  const parts = [
    ...folders.map(({ place, listing }) => `${place.name}/ (${describeContent(listing)})`),
    ...files.map(({ name }) => name),
  ];
  if (parts.length === 0) return 'nothing';
  const more = parts.length - MOST_SEEN;
  return parts.slice(0, MOST_SEEN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

export function describeContent({ folders, files }: Listing): string {
  const parts = [
    ...(folders.length > 0 ? [counted(folders.length, 'folder')] : []),
    ...(files.length > 0 ? [counted(files.length, 'file')] : []),
  ];
  return parts.length === 0 ? 'empty' : parts.join(', ');
}

export const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;
