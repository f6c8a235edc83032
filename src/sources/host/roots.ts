/** Where readings of the host are read from. Tests give the trees of other machines. */
export interface Roots {
  proc: string;
  sys: string;
  /** What lies outside them, such as `/etc/os-release`, is below this. */
  root: string;
}

export const systemRoots: Roots = { proc: '/proc', sys: '/sys', root: '/' };
