/** Runs before the first paint, so that the page does not flash in the other theme. */
import { applyTheme, savedTheme } from './theme.ts';

applyTheme(savedTheme());
