/** Returns the text of an indented JSON file. */
export const jsonFile = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
