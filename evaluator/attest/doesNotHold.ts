/** Something that a record claims is not so; the message says what, as one sentence. */
export class DoesNotHold extends Error {
  override readonly name = 'DoesNotHold';
}
