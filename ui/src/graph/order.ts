const [zero, nine] = [48, 57];
const isDigit = (code: number): boolean => code >= zero && code <= nine;

/**
 * A text of which the plain order is the natural order of `text`: without case, and with each number
 * behind the number of its digits. `Intl.Collator` does the same in seconds for 100,000 ids.
 */
export function naturalKey(text: string): string {
  const low = text.toLowerCase();
  const { length } = low;
  let key = "";
  let from = 0;
  let at = 0;
  while (at < length) {
    if (!isDigit(low.charCodeAt(at))) {
      at++;
      continue;
    }
    key += low.slice(from, at);
    while (low.charCodeAt(at) === zero && isDigit(low.charCodeAt(at + 1))) at++;
    from = at;
    while (at < length && isDigit(low.charCodeAt(at))) at++;
    key += digits(at - from);
  }
  return from === 0 && key === "" ? low : key + low.slice(from);
}

/** How many digits there are, as text that is among other characters where a digit is. */
const digits = (many: number): string => (many < 9 ? `${many}` : `9${String.fromCharCode(many)}`);

/** The places of texts in natural order: “Room_2” before “room_10”; what is alike then, by its code. */
export function naturalOrder(texts: readonly string[]): number[] {
  const keys = texts.map(naturalKey);
  const before = (one: string, other: string) => (one < other ? -1 : Number(one > other));
  return [...texts.keys()].sort(
    (a, b) =>
      before(keys[a] as string, keys[b] as string) ||
      before(texts[a] as string, texts[b] as string),
  );
}
