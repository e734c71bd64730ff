import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { type Random, randomFrom, shuffle } from '../../random.ts';
import { hardness } from './hardness.ts';
import { type Part, partKinds } from './parts.ts';

/** A sign of the script in one of its forms: three or four parts. */
export type Form = readonly Part[];

/** The ten classes, in the order of their labels. */
export const signNames: readonly string[] = [...'abcdefghij'].map((letter) => `sign ${letter}`);

const cells = [-1, 0, 1].flatMap((row) => [-1, 0, 1].map((column) => [column, row] as const));
const spacing = 0.62;
const half = Math.SQRT1_2;
/** The eight directions, as cosine and sine. */
const directions = [
  ...([
    [1, 0],
    [half, half],
    [0, 1],
    [-half, half],
  ] as const),
  ...([
    [-1, 0],
    [-half, -half],
    [0, -1],
    [half, -half],
  ] as const),
];

/** The script is the same for every seed of the drawings. */
const scriptSeed = 2;

/** The forms of every sign, the most frequent first. */
const forms: readonly (readonly Form[])[] = invent(randomFrom(scriptSeed));

function invent(random: Random): Form[][] {
  return signNames.map(() => {
    const base = newForm(random);
    return [base, ...Array.from({ length: hardness.forms - 1 }, () => changed(base, random))];
  });
}

function newForm(random: Random): Form {
  const places = shuffle([...cells], random).slice(0, uniformInt(random, 3, 4));
  return places.map((place) => newPart(place, random));
}

function newPart([column, row]: readonly [number, number], random: Random): Part {
  const [cos, sin] = directions[uniformInt(random, 0, directions.length - 1)]!;
  return {
    kind: partKinds[uniformInt(random, 0, partKinds.length - 1)]!,
    ...{ x: column * spacing, y: row * spacing, cos, sin },
    size: uniformInt(random, 30, 50) / 100,
    line: uniformInt(random, 12, 18) / 100,
  };
}

/** Returns another form of a sign: some of its parts are replaced or moved. */
function changed(form: Form, random: Random): Form {
  return form.map((part) => {
    if (uniformInt(random, 1, 100) > hardness.changedPercent) return part;
    const place = cells[uniformInt(random, 0, cells.length - 1)]!;
    return newPart(place, random);
  });
}

/** Draws a form of a sign: form k, counted from 1, with a probability in proportion to 1 / k. */
export function drawForm(label: number, random: Random): Form {
  let left = uniformInt(random, 0, total - 1);
  const at = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return forms[label]![at]!;
}

const weights = Array.from({ length: hardness.forms }, (_, at) => Math.floor(100_000 / (at + 1)));
const total = weights.reduce((sum, weight) => sum + weight, 0);
