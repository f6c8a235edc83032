import { Lexer } from 'marked';
import type { Token, Tokens } from 'marked';

import { emphasized, escaped, list, literal, paragraphs, running, section, verbatim } from './mdoc.ts';

/** A document in Markdown as sections of a page; what stands before the first heading of the second level describes. */
export function fromMarkdown(document: string): string[] {
  const sections: { title: string; tokens: Token[] }[] = [{ title: 'Description', tokens: [] }];
  for (const token of Lexer.lex(document)) {
    if (isContents(token)) continue;
    if (token.type !== 'heading') sections.at(-1)!.tokens.push(token);
    else if (token.depth === 2) sections.push({ title: plain(token.tokens!), tokens: [] });
    else if (token.depth > 2) sections.at(-1)!.tokens.push(token);
  }
  return sections.flatMap(({ title, tokens }) => section(title, blocks(tokens)));
}

/** One paragraph of Markdown, as lines of a page. */
export function fromInline(text: string): string[] {
  return running(inline(Lexer.lexInline(text)));
}

/** A list of the document's own headings: man(1) has other ways to find one. */
function isContents({ type, raw }: Token): boolean {
  const link = /\[[^\]]*\]\(#[^)]*\)/g;
  return ['list', 'paragraph'].includes(type) && link.test(raw) && !/\w/.test(raw.replaceAll(link, ''));
}

function blocks(tokens: readonly Token[]): string[] {
  const lines: string[] = [];
  const group: string[][] = [];
  const finish = (): void => void lines.push(...paragraphs(group.splice(0)));
  for (const token of tokens) {
    if (token.type === 'heading') {
      finish();
      lines.push(`.Ss ${plain(token.tokens!)}`);
    } else group.push(block(token));
  }
  finish();
  return lines;
}

function block(token: Token): string[] {
  switch (token.type) {
    case 'space':
    case 'hr':
      return [];
    case 'html':
      if (token.raw.trimStart().startsWith('<!--')) return [];
      break;
    case 'paragraph':
    case 'text':
      return running(inline(token.tokens ?? [token]));
    case 'code':
      return verbatim((token as Tokens.Code).text);
    case 'blockquote':
      return ['.Bd -filled -offset indent', ...blocks(token.tokens!), '.Ed'];
    case 'list':
      return listLines(token as Tokens.List);
    case 'table':
      return tableLines(token as Tokens.Table);
  }
  throw unknown(token);
}

/** Numbers are kept as they are written: rules are called by them. */
function listLines({ ordered, start, items }: Tokens.List): string[] {
  const entries = items.map(({ tokens }, index): [string, string[]] => [
    ordered ? `${Number(start) + index}.` : String.raw`\(bu`,
    blocks(tokens),
  ]);
  return list(entries);
}

/** A row is an entry: its first cell is the tag, and what follows is said of it. */
function tableLines({ header, rows }: Tokens.Table): string[] {
  return list(
    rows.map(([first, ...others]): [string, string[]] => [
      `Xo\n${running(inline(first!.tokens)).join('\n')}\n.Xc`,
      paragraphs(
        others.map(({ tokens }, column) => {
          const text = inline(tokens);
          if (text === '') return [];
          return running(
            others.length === 1 ? text : `${emphasized(inline(header[column + 1]!.tokens))}: ${text}`,
          );
        }),
      ),
    ]),
  );
}

function inline(tokens: readonly Token[]): string {
  return tokens.map(inlineToken).join('');
}

function inlineToken(token: Token): string {
  switch (token.type) {
    case 'text':
      return token.tokens ? inline(token.tokens) : escaped(unentitied(token.text as string));
    case 'escape':
      return escaped(token.text as string);
    case 'codespan':
      return literal(token.text as string);
    case 'strong':
    case 'em':
      return emphasized(inline(token.tokens!));
    case 'br':
      return ' ';
    case 'link': {
      const { href } = token as Tokens.Link;
      const text = inline(token.tokens!);
      // Links within the documents lead nowhere in a page.
      return /^https?:/.test(href) && href !== token.text ? `${text} (${escaped(href)})` : text;
    }
  }
  throw unknown(token);
}

/** A heading, without fonts. */
function plain(tokens: readonly Token[]): string {
  return inline(tokens).replaceAll(/\\(?:f[BIR]|[%&])/g, '');
}

function unentitied(text: string): string {
  const characters: Record<string, string> = {
    '&lt;': '<',
    '&gt;': '>',
    '&amp;': '&',
    '&quot;': '"',
    '&#39;': "'",
  };
  return text.replaceAll(/&(?:lt|gt|amp|quot|#39);/g, (entity) => characters[entity]!);
}

function unknown({ type, raw }: Token): Error {
  return new Error(`a manual page cannot show this part of a document (${type}): ${raw.slice(0, 80)}`);
}
