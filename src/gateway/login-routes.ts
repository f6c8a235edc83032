import type { Exchange } from './exchange.ts';
import type { BuiltPage } from './page-routes.ts';
import type { Token } from './token.ts';

/** Longest form that is read, in bytes. */
const FORM_BYTES = 4096;

/**
 * Lets a browser in: it cannot send the token as a header, so it gets a cookie for it.
 * @returns whether that was what the request was about; it is answered then.
 */
export async function logIn(exchange: Exchange, token: Token, page: BuiltPage): Promise<boolean> {
  const { url, request } = exchange;
  const route = `${request.method} ${url.pathname}`;
  if (route === 'GET /' && url.searchParams.has('token')) {
    enter(exchange, url.searchParams.get('token')!, token, page);
    return true;
  }
  if (route === 'POST /login') {
    const form = new URLSearchParams((await exchange.body(FORM_BYTES)).toString());
    enter(exchange, form.get('token') ?? '', token, page);
    return true;
  }
  return false;
}

function enter(exchange: Exchange, given: string, token: Token, page: BuiltPage): void {
  if (!token.matches(given.trim())) return page.send(exchange, 'login.html', 401);
  // The address of the page, and so the history, has no token.
  exchange.send(303, Buffer.alloc(0), { Location: '/', 'Set-Cookie': token.setCookie });
}
