/** What a part of a drawing can be. */
export const partKinds = ['bar', 'disc', 'ring', 'arc', 'box', 'wedge'] as const;

/** A part of a drawing in the plane of the drawing, in which a sign reaches from about -1 to 1. */
export interface Part {
  readonly kind: (typeof partKinds)[number];
  readonly x: number;
  readonly y: number;
  /** Direction: cosine and sine of an angle. */
  readonly cos: number;
  readonly sin: number;
  /** Half of its length. */
  readonly size: number;
  /** Half of the thickness of a line. */
  readonly line: number;
}

/**
 * Returns how far a point lies outside of a part, in the unit of the part; negative inside. Only operations that IEEE
 * 754 rounds correctly, so that every machine computes the same bits.
 */
export function distanceTo(part: Part, x: number, y: number): number {
  const [dx, dy] = [x - part.x, y - part.y];
  const u = dx * part.cos + dy * part.sin;
  const v = dy * part.cos - dx * part.sin;
  const { size, line } = part;
  switch (part.kind) {
    case 'bar':
      return length(Math.max(0, Math.abs(u) - size), v) - line;
    case 'disc':
      return length(u, v) - 0.75 * size;
    case 'ring':
      return Math.abs(length(u, v) - size) - line;
    case 'arc':
      return (v < 0 ? length(Math.abs(u) - size, v) : Math.abs(length(u, v) - size)) - line;
    case 'box':
      return Math.max(Math.abs(u), Math.abs(v)) - 0.7 * size;
    case 'wedge':
      return Math.max(-v, 0.866 * Math.abs(u) + 0.5 * v) - 0.5 * size;
  }
}

function length(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}
