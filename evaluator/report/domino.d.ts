/** The fork's own declarations name the package it came from. */
declare module '@mixmark-io/domino' {
  const domino: { createDocument(html?: string): unknown };
  export default domino;
}
