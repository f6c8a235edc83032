import type { Exchange } from './exchange.ts';
import { Problem } from './problem.ts';

/** Answers one kind of request. @param name What follows the path, if that ends with a slash. */
export type Handler = (exchange: Exchange, name: string) => Promise<void> | void;

/** Handlers by method and path: `GET /topics`, or `GET /topics/` for all that is below. HEAD goes by GET. */
export type Routes = Readonly<Record<string, Handler>>;

/** Has the fitting handler answer. @throws {Problem} 404 or 405. */
export async function route(routes: Routes, exchange: Exchange): Promise<void> {
  const { pathname } = exchange.url;
  const method = exchange.request.method === 'HEAD' ? 'GET' : exchange.request.method;
  const slash = pathname.indexOf('/', 1);
  const below = slash === -1 ? undefined : pathname.slice(0, slash + 1);
  const name = slash === -1 ? '' : decoded(pathname.slice(slash + 1));
  const path = below !== undefined && name !== '' ? below : pathname;
  const handler = routes[`${method} ${path}`];
  if (handler) return handler(exchange, name);
  const allowed = Object.keys(routes).flatMap((key) => {
    const [allowedMethod = '', its] = key.split(' ');
    return its === path ? [allowedMethod, ...(allowedMethod === 'GET' ? ['HEAD'] : [])] : [];
  });
  if (allowed.length > 0) {
    const message = `${pathname} takes ${allowed.join(', ')}.`;
    throw new Problem(405, 'bad-method', message, { Allow: allowed.join(', ') });
  }
  const paths = [...new Set(Object.keys(routes).map((key) => key.split(' ')[1]))];
  throw new Problem(404, 'no-such-page', `There is nothing at ${pathname}. There are: ${paths.join(', ')}.`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Problem(400, 'bad-request', 'The path is not valid URL encoding.');
  }
}
