/** @returns a function that has `draw` called once before the next frame, however often it is called until then. */
export function onceAFrame(draw: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      draw();
    });
  };
}
