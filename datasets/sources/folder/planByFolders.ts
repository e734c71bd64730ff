import { UserError } from '../../userError.ts';
import type { Fault } from './fault.ts';
import { isImageName } from './imageFormats.ts';
import { type Listing, listFolder, type Place, unreadableFolder } from './listFolder.ts';
import { nameClashes } from './nameClashes.ts';
import { layoutRemedy } from './openSource.ts';
import { MOST_CLASSES, type Picture, type Plan } from './plan.ts';
import { isTableName } from './readTable.ts';
import { byPreference, isHeldOut, isStructural, isTraining } from './roles.ts';
import { counted, describeSeen, type Opened } from './seen.ts';

/**
 * Finds the classes of a source by its folders: CLASS/IMAGE, or train/CLASS/IMAGE beside test/CLASS/IMAGE, each also
 * inside one more folder. Every folder is listed once.
 *
 * @throws UserError that says what was seen, if the folders are arranged in another way
 */
export async function planByFolders(source: Opened): Promise<Plan> {
  return planOf(await unwrap(await open(source)));
}

interface Level {
  readonly place: Place;
  readonly children: readonly Opened[];
  readonly files: readonly Place[];
  readonly hidden: readonly Place[];
  readonly faults: readonly Fault[];
}

const isImage = ({ name }: Place) => isImageName(name);

/** Lists the folders in a folder. */
async function open({ place, listing }: Opened): Promise<Level> {
  // A link that leads nowhere may have been a class.
  const faults = listing.faults.map((fault) => ({ ...fault, canBeSkipped: false }));
  const children: Opened[] = [];
  for (const folder of listing.folders) {
    try {
      children.push({ place: folder, listing: await listInner(await listFolder(folder)) });
    } catch (error) {
      const fault = unreadableFolder(folder, error);
      children.push({
        place: folder,
        listing: { folders: [], files: [], specials: [], faults: [fault], hidden: [] },
      });
    }
  }
  return { place, children, files: listing.files, hidden: listing.hidden, faults };
}

/** Returns the content of a folder that holds everything else, as archives have it; otherwise the level itself. */
async function unwrap(level: Level): Promise<Level> {
  const [only, ...others] = level.children;
  const isWrapper =
    only !== undefined &&
    others.length === 0 &&
    only.listing.folders.length > 0 &&
    level.faults.length === 0 &&
    !level.files.some(isImage);
  return isWrapper ? open(only) : level;
}

/** Opens a folder such as `images/` in a folder that has nothing else to read, as Tiny ImageNet's classes have. */
async function listInner(listing: Listing): Promise<Listing> {
  const [only, ...others] = listing.folders;
  const isInner = only !== undefined && others.length === 0 && isStructural(only.name);
  return isInner && !listing.files.some(isImage) ? listFolder(only) : listing;
}

async function planOf(level: Level): Promise<Plan> {
  const { children } = level;
  const training = children.filter(({ place }) => isTraining(place.name));
  const heldOut = children.filter(({ place }) => isHeldOut(place.name));
  const isSplit = training.length > 0 && heldOut.length > 0;
  const hasClasses = ({ listing }: Opened) => listing.folders.length > 0;
  if (isSplit && training.some(hasClasses)) return planOfSplit(level, training, heldOut.filter(hasClasses));
  const haveNoClassName = children.every(
    ({ place: { name } }) => isTraining(name) || isHeldOut(name) || isStructural(name),
  );
  if (
    children.length === 0 ||
    (haveNoClassName && children.length > 1) ||
    (isSplit && level.files.some(({ name }) => isTableName(name)))
  ) {
    const unreadable = children.flatMap(({ listing }) => listing.faults).find((fault) => !fault.canBeSkipped);
    if (unreadable !== undefined) {
      throw new UserError({ path: unreadable.shown, reason: unreadable.reason, remedy: unreadable.remedy });
    }
    throw notClasses(level);
  }
  return planOfClasses(level);
}

function planOfClasses(level: Level): Plan {
  const { children, files } = level;
  if (children.length < 2 || children.length > MOST_CLASSES) {
    throw refusal(level, `has ${children.length} class folders; expected 2 to ${MOST_CLASSES}`);
  }
  const found = picturesOf(
    level,
    children.map(({ place }) => place.name),
  );
  const beside = files.filter(isImage);
  const table = files.find(({ name }) => isTableName(name));
  return {
    classes: children.map(({ place }) => place.name),
    train: found.pictures,
    how: '',
    faults: [...level.faults, ...found.faults],
    warnings: [
      ...found.warnings,
      ...passedOver(level),
      ...(beside.length > 0
        ? [
            `${counted(beside.length, 'image')} beside the class folders, such as ${beside[0]!.shown}, not used.`,
          ]
        : []),
      ...(table === undefined
        ? []
        : [
            `The folders give the classes; ${table.shown} was not read. To use it, add --labels ${table.name}.`,
          ]),
    ],
  };
}

async function planOfSplit(
  level: Level,
  training: readonly Opened[],
  heldOut: readonly Opened[],
): Promise<Plan> {
  if (training.length > 1) {
    throw refusal(level, `has ${training.length} folders of training images (${namesOf(training)})`);
  }
  if (heldOut.length === 0) {
    throw new UserError({
      path: level.place.shown,
      reason: `has class folders in ${training[0]!.place.name}/ only; seen: ${describeSeen(level.children, level.files)}`,
      remedy: `To draw both halves from the training images, give --from ${training[0]!.place.shown}.`,
    });
  }
  const [taken, ...unused] = heldOut.toSorted((a, b) => byPreference(a.place, b.place));
  const train = await unwrap(await open(training[0]!));
  const test = await unwrap(await open(taken!));
  const classes = train.children.map(({ place }) => place.name);
  if (classes.length < 2 || classes.length > MOST_CLASSES) {
    throw refusal(train, `has ${classes.length} class folders; expected 2 to ${MOST_CLASSES}`);
  }
  const known = test.children.filter(({ place }) => classes.includes(place.name));
  const [ofTrain, ofTest] = [picturesOf(train, classes), picturesOf({ ...test, children: known }, classes)];
  const others = level.children.filter(
    (child) => child !== training[0] && child !== taken && !unused.includes(child),
  );
  return {
    classes,
    train: ofTrain.pictures,
    test: ofTest.pictures,
    how: `, split as given (${training[0]!.place.name}, ${taken!.place.name})`,
    faults: [
      ...level.faults,
      ...train.faults,
      ...ofTrain.faults,
      ...test.faults,
      ...ofTest.faults,
      ...differences(train, test),
    ],
    warnings: [
      ...ofTrain.warnings,
      ...ofTest.warnings,
      ...passedOver(train),
      ...passedOver(test),
      ...[...unused, ...others].map(
        ({ place }) => `${place.shown} is not used: the held-out images come from ${test.place.shown}.`,
      ),
    ],
  };
}

function passedOver({ hidden }: Level): string[] {
  return hidden.map(
    ({ shown }) => `${shown} is not used, because its name starts with a dot. If it is a class, rename it.`,
  );
}

/** Classes that only one half of a split has. */
function differences(train: Level, test: Level): Fault[] {
  const missing = (from: Level, to: Level) =>
    from.children
      .filter(({ place }) => !to.children.some((other) => other.place.name === place.name))
      .map(({ place }) => ({
        shown: place.shown,
        within: place.within,
        reason: `has no counterpart in ${to.place.shown}`,
        remedy: 'Both halves of a split need the same class folders.',
        canBeSkipped: false,
      }));
  return [...missing(train, test), ...missing(test, train)];
}

interface Pictures {
  readonly pictures: readonly Picture[];
  readonly faults: readonly Fault[];
  readonly warnings: readonly string[];
}

function picturesOf(level: Level, classes: readonly string[]): Pictures {
  const found = level.children.map(({ place, listing }) =>
    inClass(place, listing, classes.indexOf(place.name)),
  );
  return {
    pictures: found.flatMap(({ pictures }) => pictures),
    faults: found.flatMap(({ faults }) => faults),
    warnings: [
      ...nameClashes(level.children.map(({ place }) => place.shown)),
      ...nameClashes(found.flatMap(({ pictures }) => pictures.map(({ place }) => place.shown))),
    ],
  };
}

/** The images of a class, and what is wrong with its folder. */
function inClass(
  folder: Place,
  listing: Listing,
  label: number,
): { pictures: Picture[]; faults: readonly Fault[] } {
  const fault = (reason: string, remedy: string, { shown, within } = folder): Fault => ({
    shown,
    within,
    reason,
    remedy,
    canBeSkipped: false,
  });
  const pictures = listing.files.map((place) => ({ place, label }));
  const faults = [...listing.faults, ...listing.specials];
  const isEmpty = listing.files.length === 0 && listing.folders.length === 0 && faults.length === 0;
  return {
    pictures,
    faults: [
      ...faults,
      ...listing.folders.map((nested) =>
        fault('is a folder inside a class folder', 'Move images up into the class folders.', nested),
      ),
      ...(isEmpty ? [fault('contains no image', 'Add images, or remove empty folders.')] : []),
      ...(folder.isText
        ? []
        : [fault('has a name that is not UTF-8', 'Rename such folders: their names are the classes.')]),
    ],
  };
}

function notClasses(level: Level): UserError {
  const table = [...level.files, ...level.children.flatMap(({ listing }) => listing.files)].find(({ name }) =>
    isTableName(name),
  );
  const seen = describeSeen(level.children, level.files);
  return new UserError({
    path: level.place.shown,
    reason:
      level.children.length === 0
        ? `has 0 class folders; seen: ${seen}`
        : `has no class folders: ${namesOf(level.children)} are not names of classes; seen: ${seen}`,
    remedy: `If a table gives the labels, add --labels ${table?.name ?? 'FILE'}. Otherwise make one subfolder per class.`,
  });
}

function refusal(level: Level, reason: string): UserError {
  return new UserError({
    path: level.place.shown,
    reason: `${reason}; seen: ${describeSeen(level.children, level.files)}`,
    remedy: layoutRemedy,
  });
}

const namesOf = (folders: readonly Opened[]): string =>
  folders
    .slice(0, 5)
    .map(({ place }) => place.name)
    .join(', ') + (folders.length > 5 ? ', ...' : '');
