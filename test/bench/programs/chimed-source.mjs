/** A source of chimed's: says when it was asked. In plain JavaScript, so that no types are stripped while chimed is measured. */
const pad = 'x'.repeat(74);

export default function sample() {
  return { at: Number(process.hrtime.bigint() / 1000n), pad };
}
