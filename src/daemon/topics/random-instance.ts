/** The id of a numbering. It keeps no secret: loading `node:crypto` for it would take 5 % of our start. */
export function randomInstance(): string {
  return randomDigits() + randomDigits();
}

/** Eight hexadecimal digits. */
export function randomDigits(): string {
  return Math.floor(Math.random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
}
