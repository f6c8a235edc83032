/** Arrays in arrays. */
export function nested(levels: number): unknown {
  let data: unknown = 0;
  for (let level = 0; level < levels; level++) data = [data];
  return data;
}
