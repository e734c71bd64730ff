import { InvalidArgumentError } from 'commander';

/** Reader of an option that takes a number. The message names what is expected; commander names the option. */
export function numberOption(range: {
  min: number;
  max: number;
  integer?: boolean;
}): (text: string) => number {
  const kind = range.integer ? 'an integer' : 'a number';
  return (text) => {
    const value = Number(text);
    const fits = text.trim() !== '' && value >= range.min && value <= range.max;
    if (fits && (!range.integer || Number.isInteger(value))) return value;
    throw new InvalidArgumentError(`Expected ${kind} from ${range.min} to ${range.max}.`);
  };
}
