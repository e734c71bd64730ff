/** Returns the text of a JSON file that people read too. */
export const jsonFile = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
